package web

import (
	"net/http"
	"strings"

	"github.com/awslabs/aws-lambda-go-api-proxy/core"
)

// basePathKey is the context key of the base path of the custom domain that a request came to.
type basePathKey struct{}

// PublicURL returns the URL of the API as callers see it, without a slash at the end: the configured one, or else that of the
// event: API Gateway's own host with the stage, or a custom domain with its base path. Without configuration it is empty for a
// request at a function URL, because that does not lead to the API.
func PublicURL(r *http.Request, configured string) string {
	if configured != "" {
		return strings.TrimRight(configured, "/")
	}
	rest, ok := core.GetAPIGatewayContextFromContext(r.Context())
	switch {
	case !ok:
		return ""
	case rest.Stage != "" && strings.Contains(r.URL.Host, ".execute-api."):
		return "https://" + r.URL.Host + "/" + rest.Stage
	}
	base, _ := r.Context().Value(basePathKey{}).(string)
	return "https://" + r.URL.Host + base
}
