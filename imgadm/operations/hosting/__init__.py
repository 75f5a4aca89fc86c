"""The images that this host serves, and the sources that it uses."""
