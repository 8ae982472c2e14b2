"""A Django site that has never heard of Heaptide."""
