"""What several repairs need."""
