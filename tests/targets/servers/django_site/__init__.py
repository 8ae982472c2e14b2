"""A Django site with heaptide.django among its apps; / answers the serving process's number."""
