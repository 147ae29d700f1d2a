"""The registry of models: names that stay while their versions change, for every client alike."""
