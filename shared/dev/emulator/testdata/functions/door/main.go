// Command door is an authorizer. The credential names the decision: allow, deny and others.
package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"

	"github.com/aws/aws-lambda-go/lambda"
)

type event struct {
	MethodArn string            `json:"methodArn"`
	Headers   map[string]string `json:"headers"`
	Type      string            `json:"type"`
	Body      *string           `json:"body"`
}

var asked atomic.Int64

func main() { lambda.Start(handle) }

func handle(_ context.Context, e event) (map[string]any, error) {
	if e.Type != "REQUEST" || e.Body != nil {
		return nil, fmt.Errorf("not an authorizer's event: %+v", e)
	}
	word := ""
	for name, value := range e.Headers {
		if strings.EqualFold(name, "Authorization") || strings.EqualFold(name, "X-Word") {
			word = value
		}
	}
	statement := func(effect string, resource any) map[string]any {
		return map[string]any{"Version": "2012-10-17", "Statement": []any{map[string]any{"Effect": effect, "Action": "execute-api:Invoke", "Resource": resource}}}
	}
	answer := map[string]any{"principalId": "someone", "context": map[string]any{"keyId": "k1", "count": asked.Add(1), "flag": true}}
	api := e.MethodArn[:strings.Index(e.MethodArn, "/")]
	switch word {
	case "allow":
		answer["policyDocument"] = statement("Allow", []string{api + "/*/*/*"})
	case "narrow":
		answer["policyDocument"] = statement("Allow", e.MethodArn)
	case "elsewhere":
		answer["policyDocument"] = statement("Allow", api+"/*/GET/nowhere")
	case "deny":
		answer["policyDocument"] = statement("Deny", "*")
	case "nopolicy":
	case "nested":
		answer["policyDocument"] = statement("Allow", "*")
		answer["context"] = map[string]any{"list": []string{"a"}}
	case "unauthorized":
		return nil, errors.New("Unauthorized")
	default:
		return nil, errors.New("the key store is away")
	}
	return answer, nil
}
