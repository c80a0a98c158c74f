"""From a YAML file to something that can be run: `schema`, `load`, `plan`."""
