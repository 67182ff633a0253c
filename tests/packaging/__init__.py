"""What a user installs: the wheel, its dependencies and the documentation built with it."""
