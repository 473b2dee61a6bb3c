"""Parameters as types (:mod:`models`), and how they are read in layers (:mod:`reading`). Light until one is imported."""
