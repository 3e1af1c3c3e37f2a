"""The workers a batch runs on, and what their failures mean."""
