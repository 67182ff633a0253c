"""How people and programs reach Sixplane: the service core, and the surfaces that adapt it."""
