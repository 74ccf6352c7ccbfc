package web

import (
	"net/http"
	"strings"

	"github.com/awslabs/aws-lambda-go-api-proxy/core"
)

// PublicURL is where the API is reached from outside, without a slash at its end: the one that is set, or else the host
// and the stage of the event. A custom domain has no stage in its path, and must be set. It is empty for a request at a
// function URL, which does not lead to the API, where none is set.
func PublicURL(r *http.Request, set string) string {
	if set != "" {
		return strings.TrimRight(set, "/")
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
