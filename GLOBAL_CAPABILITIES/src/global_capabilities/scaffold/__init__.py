"""Writing complete new rooms: packages, modules, check plugins and tool profiles that keep every rule from the start."""
