"""An application's own history: a folder of versioned SQL files, applied in order, once, by one runner at a time."""
