package web

import (
	"net/http"
	"strings"

	"github.com/awslabs/aws-lambda-go-api-proxy/core"
)

// PublicURL returns the URL of the API as callers see it, without a slash at the end: the configured one, or else the host and
// the stage of the event. With a custom domain it must be configured. Without configuration it is empty for a request at
// a function URL, because that does not lead to the API.
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
	return "https://" + r.URL.Host
}
