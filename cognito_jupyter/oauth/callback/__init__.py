"""The loopback server that receives the redirect of the browser, and the pages that it shows."""
