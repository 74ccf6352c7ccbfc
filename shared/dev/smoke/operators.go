package smoke

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"example.com/aurora/shared/dev/openapi"
)

// pathParameter is a segment of a path in the API document that stands for any value.
var pathParameter = regexp.MustCompile(`\{[^}]+\}`)

// operatorChecks are one check for each operators' route of the API document: it is there, and takes no request without a key.
func (r *run) operatorChecks() []check {
	document, err := openapi.Load()
	if err != nil {
		return []check{{"operators' routes", func(context.Context) (string, error) { return "", err }}}
	}
	var checks []check
	for path, item := range document.Paths.Map() {
		for method, operation := range item.Operations() {
			if slices.Contains(operation.Tags, "operators") {
				isLogIn := operation.Security != nil && len(*operation.Security) == 0
				checks = append(checks, r.operatorCheck(method, path, isLogIn))
			}
		}
	}
	slices.SortFunc(checks, func(a, b check) int { return strings.Compare(a.name, b.name) })
	return checks
}

func (r *run) operatorCheck(method, path string, isLogIn bool) check {
	q := route{method: method, path: path, function: "operators"}
	return check{q.name() + ", no key", func(ctx context.Context) (string, error) {
		var body any
		if isLogIn { // its key is in the body
			body = map[string]string{"key": "aurora-smoke-test-is-no-key-of-an-operator"}
		}
		a, err := r.send(ctx, q, pathParameter.ReplaceAllString(path, AssistantID), body)
		if err != nil {
			return "", err
		}
		var answer struct{ Error struct{ Code string } }
		if a.status != http.StatusUnauthorized || json.Unmarshal(a.body, &answer) != nil || answer.Error.Code != "invalid_api_key" {
			return "", errors.New(fmt.Sprintf("it answered %d instead of 401 invalid_api_key", a.status) + r.logHint("authorizer-operator"))
		}
		return "401, as it must be", nil
	}}
}
