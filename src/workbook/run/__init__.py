"""The run: plan, execution by papermill, manifest, publishing."""
