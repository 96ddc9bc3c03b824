"""What an administrator deploys: `nox -s deploy` runs these tests."""
