"""Opening an engagement: a client's folder of files → parameters that run, questions where nothing can be decided."""
