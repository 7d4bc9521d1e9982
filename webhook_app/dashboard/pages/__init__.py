"""The pages of the dashboard, one module each; registration discovers them."""
