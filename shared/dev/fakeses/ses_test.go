package fakeses_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sesv2"
	"github.com/aws/aws-sdk-go-v2/service/sesv2/types"
	"github.com/wneessen/go-mail"

	"example.com/aurora/shared/dev/fakeaws"
	"example.com/aurora/shared/dev/fakeses"
)

func serve(t *testing.T, o fakeses.Options) (*fakeses.Server, *sesv2.Client, string) {
	o.Now = func() time.Time { return time.Date(2026, 11, 22, 9, 30, 0, 0, time.UTC) }
	s := fakeses.New(o)
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	client := sesv2.New(sesv2.Options{Region: "us-east-1", BaseEndpoint: aws.String(server.URL), RetryMaxAttempts: 1,
		HTTPClient: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}},
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "a", SecretAccessKey: "b"}, nil
		})})
	return s, client, server.URL
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	response, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	b, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(b)
}

// message returns a raw mail made with go-mail, the library of the SES adapter.
func message(t *testing.T, change func(*mail.Msg)) []byte {
	t.Helper()
	m := mail.NewMsg()
	if err := errors.Join(m.From("aurora@aurora.example.com"), m.To("owner@harbor.example.com")); err != nil {
		t.Fatal(err)
	}
	m.Subject("Zażółć <b>the</b> report")
	m.SetBodyString(mail.TypeTextPlain, "Dana said: 1 < 2 and "+strings.Repeat("a long line ", 20))
	m.AddAlternativeString(mail.TypeTextHTML, `<p onclick="alert(1)">Dana</p><script>alert(2)</script>`)
	if change != nil {
		change(m)
	}
	var b bytes.Buffer
	if _, err := m.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestRaw(t *testing.T) {
	s, client, at := serve(t, fakeses.Options{})
	raw := message(t, func(m *mail.Msg) {
		if err := m.AttachReader("calls.csv", strings.NewReader("id,seconds\n1,21\n")); err != nil {
			t.Fatal(err)
		}
	})
	out, err := client.SendEmail(t.Context(), &sesv2.SendEmailInput{FromEmailAddress: aws.String("Aurora <aurora@aurora.example.com>"),
		Destination: &types.Destination{ToAddresses: []string{"owner@harbor.example.com", "hidden@harbor.example.com"}}, ConfigurationSetName: aws.String("calm"),
		Content: &types.EmailContent{Raw: &types.RawMessage{Data: raw}}})
	if err != nil {
		t.Fatal(err)
	}
	mails := s.Mails()
	if len(mails) != 1 || mails[0].ID != *out.MessageId {
		t.Fatalf("mails %+v; want one with id %s", mails, *out.MessageId)
	}
	m := mails[0]
	if m.Subject != "Zażółć <b>the</b> report" || !strings.HasSuffix(m.Text, "a long line ") || !strings.Contains(m.HTML, "<script>") || len(m.To) != 2 ||
		m.ConfigurationSet != "calm" || m.From != "Aurora <aurora@aurora.example.com>" || !bytes.Equal(m.Raw, raw) {
		t.Errorf("parsed %+v; want the subject, both texts, both recipients and the raw message", m)
	}
	if len(m.Attachments) != 1 || m.Attachments[0].Name != "calls.csv" || m.Attachments[0].Size != len("id,seconds\n1,21\n") {
		t.Errorf("attachments %+v; want calls.csv with 17 bytes", m.Attachments)
	}

	status, list := get(t, at+"/")
	if status != 200 || !strings.Contains(list, "/mails/"+m.ID) || !strings.Contains(list, "hidden@harbor.example.com") || strings.Contains(list, "<b>") {
		t.Errorf("the list: status %d, %s; want a link, the recipients and an escaped subject", status, list)
	}
	status, one := get(t, at+"/mails/"+m.ID)
	if status != 200 || !strings.Contains(one, "1 &lt; 2") || !strings.Contains(one, "<iframe sandbox ") || strings.Contains(one, "<script") || strings.Contains(one, "<p onclick") {
		t.Errorf("the mail: status %d, %s; want its text escaped and its HTML in a sandbox", status, one)
	}
	if status, text := get(t, at+"/mails/"+m.ID+"/raw"); status != 200 || text != string(raw) {
		t.Errorf("the raw mail: status %d, %s; want the bytes that were sent", status, text)
	}
	if status, _ := get(t, at+"/mails/none"); status != 404 {
		t.Errorf("an unknown mail: status %d, want 404", status)
	}
	var listed struct{ Mails []fakeses.Mail }
	if _, text := get(t, at+"/mails.json"); json.Unmarshal([]byte(text), &listed) != nil || len(listed.Mails) != 1 || listed.Mails[0].Subject != m.Subject {
		t.Errorf("mails.json holds %s; want one mail with its subject", text)
	}
}

func TestSimple(t *testing.T) {
	s, client, _ := serve(t, fakeses.Options{})
	_, err := client.SendEmail(t.Context(), &sesv2.SendEmailInput{FromEmailAddress: aws.String("aurora@aurora.example.com"),
		Destination: &types.Destination{ToAddresses: []string{"owner@harbor.example.com"}},
		Content: &types.EmailContent{Simple: &types.Message{Subject: &types.Content{Data: aws.String("Hello")},
			Body: &types.Body{Text: &types.Content{Data: aws.String("plain")}, Html: &types.Content{Data: aws.String("<p>html")}}}}})
	if err != nil || len(s.Mails()) != 1 || s.Mails()[0].Text != "plain" || s.Mails()[0].HTML != "<p>html" || s.Mails()[0].Subject != "Hello" {
		t.Errorf("mails %+v, error %v; want one with subject, text and HTML", s.Mails(), err)
	}
}

func TestRejections(t *testing.T) {
	s, client, at := serve(t, fakeses.Options{Reject: func(m fakeses.Mail) *fakeaws.APIError {
		if m.Subject == "busy" {
			return &fakeaws.APIError{Status: http.StatusTooManyRequests, Code: "TooManyRequestsException", Message: "Slow down."}
		}
		return nil
	}})
	send := func(change func(*sesv2.SendEmailInput)) error {
		in := &sesv2.SendEmailInput{FromEmailAddress: aws.String("aurora@aurora.example.com"), Content: &types.EmailContent{Raw: &types.RawMessage{Data: message(t, nil)}}}
		change(in)
		_, err := client.SendEmail(t.Context(), in)
		return err
	}
	raw := func(text string) func(*sesv2.SendEmailInput) {
		return func(in *sesv2.SendEmailInput) { in.FromEmailAddress, in.Content.Raw.Data = nil, []byte(text) }
	}
	for name, c := range map[string]struct {
		change func(*sesv2.SendEmailInput)
		code   string
	}{
		"no content":         {func(in *sesv2.SendEmailInput) { in.Content = &types.EmailContent{} }, "BadRequestException"},
		"not a mail":         {raw("no mail"), "BadRequestException"},
		"no sender":          {raw("To: a@example.com\r\n\r\nHi"), "BadRequestException"},
		"no recipient":       {raw("From: a@example.com\r\n\r\nHi"), "BadRequestException"},
		"empty":              {raw("From: a@example.com\r\nTo: b@example.com\r\n\r\n"), "BadRequestException"},
		"broken parts":       {raw("From: a@example.com\r\nTo: b@example.com\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n"), "BadRequestException"},
		"illegal recipient":  {func(in *sesv2.SendEmailInput) { in.Destination = &types.Destination{ToAddresses: []string{"Dana"}} }, "BadRequestException"},
		"too many":           {func(in *sesv2.SendEmailInput) { in.Destination = &types.Destination{ToAddresses: addresses(51)} }, "MessageRejected"},
		"rejected by Reject": {raw("From: a@example.com\r\nTo: b@example.com\r\nSubject: busy\r\n\r\nHi"), "TooManyRequestsException"},
	} {
		t.Run(name, func(t *testing.T) {
			err := send(c.change)
			var api interface{ ErrorCode() string }
			if !errors.As(err, &api) || api.ErrorCode() != c.code {
				t.Errorf("error %v, want code %s", err, c.code)
			}
		})
	}
	if len(s.Mails()) != 0 {
		t.Errorf("rejected mails were stored: %+v", s.Mails())
	}
	if status, body := get(t, at+"/v2/email/account"); status != 404 || !strings.Contains(body, "does not serve") {
		t.Errorf("another operation: status %d, %s; want 404", status, body)
	}
}

func addresses(n int) []string {
	var to []string
	for i := range n {
		to = append(to, fmt.Sprintf("a%d@example.com", i))
	}
	return to
}
