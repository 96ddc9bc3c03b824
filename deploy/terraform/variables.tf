variable "name" {
  type        = string
  default     = "cognito-jupyter"
  description = "The user pool's name, and the beginning of the roles' names."

  validation {
    condition     = can(regex("^[a-zA-Z][a-zA-Z0-9-]{1,39}$", var.name))
    error_message = "The name has 2 to 40 letters, digits and hyphens."
  }
}

variable "domain_prefix" {
  type        = string
  description = "The first part of the sign-in pages' host name. No other account of the Region may have it."

  validation {
    condition     = can(regex("^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$", var.domain_prefix))
    error_message = "The prefix has small letters, digits and hyphens."
  }
}

variable "data_bucket" {
  type        = string
  description = "The bucket that both groups read. It exists already."
}

variable "upload_bucket" {
  type        = string
  default     = ""
  description = "The bucket that the group Uploader writes to, and both groups read. Empty, it is the data bucket."
}

variable "upload_scope" {
  type        = string
  default     = "own-folder"
  description = "Where an Uploader may write. own-folder is uploads/ and the user's own folder below it."

  validation {
    condition     = contains(["own-folder", "bucket"], var.upload_scope)
    error_message = "The scope is own-folder or bucket."
  }
}

variable "folder_claim" {
  type        = string
  default     = "cognito:username"
  description = "The claim of the id token that names the user's own folder. A user name can be given to another user after its owner was deleted, a sub can not."

  validation {
    condition     = contains(["cognito:username", "email", "sub"], var.folder_claim)
    error_message = "The claim is cognito:username, email or sub."
  }
}

variable "callback_ports" {
  type        = list(string)
  default     = ["3000", "13000", "23000"]
  description = "Three ports of the users' computers that a sign-in may return to. Several notebooks need several ports."

  validation {
    condition     = length(var.callback_ports) == 3
    error_message = "There are three ports."
  }
}

variable "hub_callback_url" {
  type        = string
  default     = ""
  description = "A JupyterHub's URL, such as https://HUB/hub/user-redirect/cognito-jupyter/callback. Empty, there is none."

  validation {
    condition     = can(regex("^(?:https://.+/cognito-jupyter/callback)?$", var.hub_callback_url))
    error_message = "The URL begins with https:// and ends with /cognito-jupyter/callback."
  }
}

variable "refresh_token_days" {
  type        = number
  default     = 30
  description = "How many days a sign-in lasts."

  validation {
    condition     = var.refresh_token_days >= 1 && var.refresh_token_days <= 3650
    error_message = "A sign-in lasts 1 to 3650 days."
  }
}

variable "permissions_boundary" {
  type        = string
  default     = ""
  description = "The ARN of a managed policy that bounds both roles. Empty, there is none."
}

variable "federation" {
  type        = string
  default     = "none"
  description = "Where users sign in. With none, the user pool has their passwords."

  validation {
    condition     = contains(["none", "SAML", "OIDC"], var.federation)
    error_message = "Federation is none, SAML or OIDC."
  }
}

variable "provider_name" {
  type        = string
  default     = "Organisation"
  description = "The name of the external identity provider in the user pool."
}

variable "saml_metadata_url" {
  type        = string
  default     = ""
  description = "The URL of the SAML provider's metadata."
}

variable "oidc_issuer" {
  type        = string
  default     = ""
  description = "The OpenID Connect provider's issuer."
}

variable "oidc_client_id" {
  type        = string
  default     = ""
  description = "The client id of the user pool at the OpenID Connect provider."
}

variable "oidc_secret_name" {
  type        = string
  default     = "cognito-jupyter/oidc"
  description = "The secret in Secrets Manager whose key client_secret is the client's secret at that provider."
}

variable "email_claim" {
  type        = string
  default     = "email"
  description = "The provider's claim or SAML attribute that holds a user's e-mail address."
}
