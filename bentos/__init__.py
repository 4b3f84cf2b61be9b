"""The service: decode the request, call components, encode the answer."""
