"""All clients and periods at a glance: on the screen and as the page ``outputs/index.html``. Nothing heavy is imported."""
