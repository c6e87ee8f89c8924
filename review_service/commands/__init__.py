"""The commands of `review-service`, one a file; `__main__` collects them."""
