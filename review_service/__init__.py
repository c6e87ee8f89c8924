"""The service around the draw and the statistics: rounds, people, pages, files."""
