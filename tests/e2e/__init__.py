"""A package, so that what is made for all of its tests (`scope="package"`) ends with the last of them."""
