"""The folder that `heaptide run` puts on PYTHONPATH, so that each Python below it runs `sitecustomize`."""
