package emulator

import (
	"encoding/base64"
	"net/url"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

// Text messages and mails go to the fakes, whose pages show them.
func TestTwilioAndSESAreFakes(t *testing.T) {
	s := startStack(t, Options{Environ: []string{"TOOL_PRIVATE_HOSTS=127.0.0.1:9", "TWILIO_AUTH_TOKEN=alone"}})
	info := s.Info()
	_, environment := sendRequest(t, "GET", info.API+"/open?do=environment", "")
	for _, want := range []string{"TWILIO_BASE_URL=" + info.Endpoints["twilio"], "AWS_ENDPOINT_URL_SESV2=" + info.Endpoints["ses"], "MAIL_FROM=" + localSender, "TOOL_PRIVATE_HOSTS=127.0.0.1:9",
		"PUBLIC_URL=" + info.API} {
		if !strings.Contains(environment, want) {
			t.Errorf("want %s in the environment\n%s", want, environment)
		}
	}
	for name, want := range map[string]string{"TOOL_PRIVATE_HOSTS": "127.0.0.1:9", "NO_SUCH_NAME": ""} {
		if got, err := FunctionVariable(s.options.Data, name); err != nil || got != want {
			t.Errorf("FunctionVariable(%s) = %q, %v, want %q", name, got, err, want)
		}
	}
	if strings.Contains(environment, "alone") {
		t.Errorf("a function received a Twilio login without its token:\n%s", environment)
	}
	login := secretOf(t, s)
	account, password := jsonAt(t, login, "accountSid").(string), jsonAt(t, login, "authToken").(string)
	form := url.Values{"From": {"+15551230101"}, "To": {"+14155550123"}, "Body": {"Hello"}}.Encode()
	response, body := sendRequest(t, "POST", info.Endpoints["twilio"]+"/2010-04-01/Accounts/"+account+"/Messages.json", form, "Content-Type", "application/x-www-form-urlencoded",
		"Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(account+":"+password)))
	if response.StatusCode != 201 || jsonAt(t, body, "status") != "queued" {
		t.Errorf("sending a text message: %s %s; want 201 and the status queued", response.Status, body)
	}
	if _, page := sendRequest(t, "GET", info.Endpoints["twilio"]+"/", ""); !strings.Contains(page, "Hello") {
		t.Errorf("the page of the fake Twilio does not show the message: %s", page)
	}
	if response, page := sendRequest(t, "GET", info.Mail+"/", ""); response.StatusCode != 200 || !strings.Contains(page, "Mail") || info.Mail == "" {
		t.Errorf("the page of the fake SES: %s %s; want 200", response.Status, page)
	}
}

func TestTwilioSecretIsRewrittenEveryRun(t *testing.T) {
	data := t.TempDir()
	s := startStack(t, Options{Data: data, Environ: []string{"TWILIO_ACCOUNT_SID=AC00000000000000000000000000000001", "TWILIO_AUTH_TOKEN=given", "MAIL_FROM=sender@example.com", "PUBLIC_URL=https://example.com/v1"}})
	_, environment := sendRequest(t, "GET", s.Info().API+"/open?do=environment", "")
	if secretOf(t, s) != `{"accountSid":"AC00000000000000000000000000000001","authToken":"given"}` || strings.Contains(environment, "TWILIO_") || s.Info().Endpoints["twilio"] != "https://api.twilio.com" {
		t.Errorf("with a login in the environment, the secret is %q\n%s", secretOf(t, s), environment)
	}
	if !strings.Contains(environment, "PUBLIC_URL=https://example.com/v1") {
		t.Errorf("the public address of the environment is missing in %s", environment)
	}
	if !strings.Contains(environment, "MAIL_FROM=sender@example.com") {
		t.Errorf("the sender of the environment is missing in %s", environment)
	}
	stopStack(t, s)
	s = startStack(t, Options{Data: data, Environ: []string{"TWILIO_BASE_URL=http://127.0.0.1:1", "AWS_ENDPOINT_URL_SESV2=http://127.0.0.1:2"}})
	_, environment = sendRequest(t, "GET", s.Info().API+"/open?do=environment", "")
	if strings.Contains(secretOf(t, s), "given") || !strings.Contains(environment, "TWILIO_BASE_URL=http://127.0.0.1:1") || s.Info().Endpoints["twilio"] != "http://127.0.0.1:1" {
		t.Errorf("with another Twilio address, the secret is %q\n%s", secretOf(t, s), environment)
	}
	if strings.Contains(environment, localSender) || !strings.Contains(environment, "AWS_ENDPOINT_URL_SESV2=http://127.0.0.1:2") || s.Info().Mail != "" {
		t.Errorf("with a real SES, the mail page is %q\n%s", s.Info().Mail, environment)
	}
}

func secretOf(t *testing.T, s *Stack) string {
	t.Helper()
	out, err := s.secrets.GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: aws.String("aurora/test/twilio")})
	if err != nil {
		t.Fatal(err)
	}
	return *out.SecretString
}
