# The same as ../cognito-jupyter.yaml: a Cognito user pool and an identity pool for notebooks with cognito_jupyter.

data "aws_partition" "current" {}

data "aws_region" "current" {}

data "aws_secretsmanager_secret_version" "oidc" {
  count     = var.federation == "OIDC" ? 1 : 0
  secret_id = var.oidc_secret_name
}

locals {
  issuers = {
    "us-gov-west-1" = "cognito-identity-us-gov.amazonaws.com"
    "us-gov-east-1" = "cognito-identity.us-gov-east-1.amazonaws.com"
  }
  issuer        = lookup(local.issuers, data.aws_region.current.region, "cognito-identity.amazonaws.com")
  upload_bucket = var.upload_bucket != "" ? var.upload_bucket : var.data_bucket
  bucket_arns   = [for bucket in distinct([var.data_bucket, local.upload_bucket]) : "arn:${data.aws_partition.current.partition}:s3:::${bucket}"]
  loopback_urls = [for port in var.callback_ports : "http://localhost:${port}"]
  hub_urls      = var.hub_callback_url != "" ? [var.hub_callback_url] : []
  boundary      = var.permissions_boundary != "" ? var.permissions_boundary : null

  # IAM puts the session tag in place of the variable.
  upload_keys = var.upload_scope == "own-folder" ? "uploads/$${aws:PrincipalTag/username}/*" : "*"

  trust = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Federated = local.issuer }
      Action    = ["sts:AssumeRoleWithWebIdentity", "sts:TagSession"]
      Condition = {
        StringEquals               = { "${local.issuer}:aud" = aws_cognito_identity_pool.this.id }
        "ForAnyValue:StringEquals" = { "${local.issuer}:amr" = "authenticated" }
      }
    }]
  })

  read = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "List"
        Effect   = "Allow"
        Action   = ["s3:ListBucket", "s3:GetBucketLocation"]
        Resource = local.bucket_arns
      },
      {
        Sid      = "Read"
        Effect   = "Allow"
        Action   = ["s3:GetObject"]
        Resource = [for arn in local.bucket_arns : "${arn}/*"]
      },
    ]
  })
}

resource "aws_cognito_user_pool" "this" {
  name                     = var.name
  user_pool_tier           = "ESSENTIALS" # managed login, and refresh token rotation
  deletion_protection      = "ACTIVE"
  alias_attributes         = ["email"]
  auto_verified_attributes = ["email"]
  mfa_configuration        = "OPTIONAL"

  software_token_mfa_configuration {
    enabled = true
  }

  admin_create_user_config {
    allow_admin_create_user_only = true
  }

  account_recovery_setting {
    recovery_mechanism {
      name     = "verified_email"
      priority = 1
    }
  }

  password_policy {
    minimum_length                   = 12
    temporary_password_validity_days = 7
  }

  lifecycle {
    prevent_destroy = true
  }
}

resource "aws_cognito_user_pool_domain" "this" {
  user_pool_id          = aws_cognito_user_pool.this.id
  domain                = var.domain_prefix
  managed_login_version = 2
}

# Managed login shows "Login pages unavailable" to a client without a style.
resource "aws_cognito_managed_login_branding" "this" {
  user_pool_id                = aws_cognito_user_pool.this.id
  client_id                   = aws_cognito_user_pool_client.this.id
  use_cognito_provided_values = true

  depends_on = [aws_cognito_user_pool_domain.this]
}

resource "aws_cognito_identity_provider" "saml" {
  count         = var.federation == "SAML" ? 1 : 0
  user_pool_id  = aws_cognito_user_pool.this.id
  provider_name = var.provider_name
  provider_type = "SAML"

  provider_details = {
    MetadataURL = var.saml_metadata_url
  }

  attribute_mapping = {
    email = var.email_claim
  }
}

resource "aws_cognito_identity_provider" "oidc" {
  count         = var.federation == "OIDC" ? 1 : 0
  user_pool_id  = aws_cognito_user_pool.this.id
  provider_name = var.provider_name
  provider_type = "OIDC"

  provider_details = {
    oidc_issuer               = var.oidc_issuer
    client_id                 = var.oidc_client_id
    client_secret             = jsondecode(data.aws_secretsmanager_secret_version.oidc[0].secret_string)["client_secret"]
    authorize_scopes          = "openid email"
    attributes_request_method = "GET"
  }

  attribute_mapping = {
    email = var.email_claim
  }
}

resource "aws_cognito_user_pool_client" "this" {
  user_pool_id                         = aws_cognito_user_pool.this.id
  name                                 = "${var.name}-notebooks"
  generate_secret                      = false # a notebook cannot protect one
  allowed_oauth_flows_user_pool_client = true
  allowed_oauth_flows                  = ["code"]
  allowed_oauth_scopes                 = ["openid", "email"]

  # Without ALLOW_REFRESH_TOKEN_AUTH, which rotation excludes and the default has.
  explicit_auth_flows = ["ALLOW_USER_SRP_AUTH"]

  # Cognito compares the whole URL, and knows no rule for any port.
  callback_urls                 = concat(local.loopback_urls, local.hub_urls)
  logout_urls                   = [local.loopback_urls[0]]
  supported_identity_providers  = concat(aws_cognito_identity_provider.saml[*].provider_name, aws_cognito_identity_provider.oidc[*].provider_name, var.federation == "none" ? ["COGNITO"] : [])
  enable_token_revocation       = true
  prevent_user_existence_errors = "ENABLED"
  id_token_validity             = 60
  access_token_validity         = 60
  refresh_token_validity        = var.refresh_token_days

  refresh_token_rotation {
    feature                    = "ENABLED"
    retry_grace_period_seconds = 60 # a response that was lost can be requested again
  }

  token_validity_units {
    id_token      = "minutes"
    access_token  = "minutes"
    refresh_token = "days"
  }
}

resource "aws_cognito_user_group" "analyst" {
  user_pool_id = aws_cognito_user_pool.this.id
  name         = "Analyst"
  description  = "Reads the data."
  precedence   = 10
  role_arn     = aws_iam_role.analyst.arn
}

resource "aws_cognito_user_group" "uploader" {
  user_pool_id = aws_cognito_user_pool.this.id
  name         = "Uploader"
  description  = "Reads the data, and writes."
  precedence   = 20
  role_arn     = aws_iam_role.uploader.arn
}

resource "aws_cognito_identity_pool" "this" {
  identity_pool_name               = var.name
  allow_unauthenticated_identities = false
  allow_classic_flow               = false

  cognito_identity_providers {
    provider_name           = aws_cognito_user_pool.this.endpoint
    client_id               = aws_cognito_user_pool_client.this.id
    server_side_token_check = true # no credentials for a user who was disabled or signed out
  }
}

# The token's own roles, and no role for a user without a group.
resource "aws_cognito_identity_pool_roles_attachment" "this" {
  identity_pool_id = aws_cognito_identity_pool.this.id
  roles            = { authenticated = aws_iam_role.default.arn } # the provider refuses an attachment without one

  role_mapping {
    identity_provider         = "${aws_cognito_user_pool.this.endpoint}:${aws_cognito_user_pool_client.this.id}"
    type                      = "Token"
    ambiguous_role_resolution = "Deny"
  }
}

resource "aws_cognito_identity_pool_provider_principal_tag" "this" {
  identity_pool_id       = aws_cognito_identity_pool.this.id
  identity_provider_name = aws_cognito_user_pool.this.endpoint
  use_defaults           = false

  principal_tags = {
    username = var.folder_claim
  }
}

# It permits nothing, and no user gets it: without a role of its own, a token is denied.
resource "aws_iam_role" "default" {
  name                 = "${var.name}-default"
  description          = "Permits nothing."
  permissions_boundary = local.boundary
  assume_role_policy   = local.trust
}

resource "aws_iam_role" "analyst" {
  name                 = "${var.name}-Analyst" # users type its end: %cognito_login Analyst
  description          = "Reads the data, from notebooks."
  permissions_boundary = local.boundary
  assume_role_policy   = local.trust
}

resource "aws_iam_role_policy" "analyst_read" {
  role   = aws_iam_role.analyst.id
  name   = "read"
  policy = local.read
}

resource "aws_iam_role" "uploader" {
  name                 = "${var.name}-Uploader"
  description          = "Reads the data and writes, from notebooks."
  permissions_boundary = local.boundary
  assume_role_policy   = local.trust
}

resource "aws_iam_role_policy" "uploader_read" {
  role   = aws_iam_role.uploader.id
  name   = "read"
  policy = local.read
}

resource "aws_iam_role_policy" "uploader_write" {
  role = aws_iam_role.uploader.id
  name = "write"

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid      = "Write"
      Effect   = "Allow"
      Action   = ["s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"]
      Resource = "arn:${data.aws_partition.current.partition}:s3:::${local.upload_bucket}/${local.upload_keys}"
    }]
  })
}
