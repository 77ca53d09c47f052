"""What people look at beside films."""
