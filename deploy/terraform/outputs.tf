output "cognito_toml" {
  description = "The finished cognito.toml."
  value       = <<-EOT
    user_pool_id = "${aws_cognito_user_pool.this.id}"
    client_id = "${aws_cognito_user_pool_client.this.id}"
    identity_pool_id = "${aws_cognito_identity_pool.this.id}"
    redirect_uri = "${join(" ", concat(local.hub_urls, local.loopback_urls))}"
    logout_uri = "${local.loopback_urls[0]}"
    refresh_token_days = ${var.refresh_token_days}
  EOT
}

output "analyst_role_arn" {
  description = "The role of the group Analyst, for bucket policies and key policies."
  value       = aws_iam_role.analyst.arn
}

output "uploader_role_arn" {
  description = "The role of the group Uploader, for bucket policies and key policies."
  value       = aws_iam_role.uploader.arn
}
