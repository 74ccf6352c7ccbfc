package smoke

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"example.com/aurora/shared/adapter/twilio"
	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/auth"
	"example.com/aurora/shared/dev/faketwilio"
)

const statusPath = "/api/outbound-call-status"

// callRoutes are the routes that place calls, and the function URLs.
var callRoutes = []route{
	partner("/api/outbound-call-uat", "outbound-call-uat"),
	partner("/api/hyperscale/outbound-call", "hyperscale-outbound-call"),
	atURL(partner("/api/outbound-call-uat", "outbound-call-uat")),
	atURL(partner("/api/hyperscale/outbound-call", "hyperscale-outbound-call")),
}

func partner(path, function string) route {
	return route{method: http.MethodPost, path: path, function: function, kind: auth.KindExternal, header: "BINARYTINT-EXTERNAL-API-KEY"}
}

// callChecks try the routes of calls. None of them places a call.
func (r *run) callChecks() []check {
	return append([]check{
		{"setting VOICE_STREAM_URL", r.checkVoiceURL},
		{"secret twilio, and Twilio accepts it", r.checkTwilio},
	}, slices.Concat(r.signedChecks(), r.relayChecks(), r.placeChecks("outbound-call-uat"))...)
}

// placeChecks try the routes of a function that places calls.
func (r *run) placeChecks(function string) (checks []check) {
	for _, q := range callRoutes {
		if q.function != function {
			continue
		}
		checks = append(checks, check{q.name(), func(ctx context.Context) (string, error) { return r.tryCall(ctx, q) }})
	}
	return checks
}

// checkVoiceURL checks the form of the address that answered calls are connected to. Nothing else notices a wrong one before a
// person answers a call.
func (r *run) checkVoiceURL(context.Context) (string, error) {
	const part = "template parameter VoiceStreamUrl (VOICE_STREAM_URL)"
	u, err := url.Parse(r.VoiceStreamURL)
	switch {
	case r.VoiceStreamURL == "" && r.VoiceMode == string(aurora.VoiceModeStream):
		return "", errors.New(part + " is empty, and VoiceMode (VOICE_MODE) is stream: no calls are placed; SKIP=calls for a deployment without calls")
	case r.VoiceStreamURL == "":
		return "empty: calls are connected by ConversationRelay", nil
	case err != nil || u.Scheme != "wss" || u.Host == "":
		return "", fmt.Errorf("%s must be an address such as wss://voice.example.com/stream, not %q", part, r.VoiceStreamURL)
	}
	return r.VoiceStreamURL, nil
}

// tryCall asks for a call with a key that may place none. The request passes the rules of the deployment and is then rejected.
func (r *run) tryCall(ctx context.Context, q route) (string, error) {
	body := map[string]any{"phoneNumber": r.Number, "name": "Smoke test"}
	if q.function == "outbound-call-uat" {
		body = map[string]any{"client": body, "assistantId": AssistantID}
	}
	a, err := r.send(ctx, q, "", body)
	if err != nil {
		return "", err
	}
	if a.status == http.StatusOK {
		return "", fmt.Errorf("a call WAS PLACED to %s although the key allows none: %.200s", r.Number, a.body)
	}
	var e errorBody
	_ = json.Unmarshal(a.body, &e) // without a code it is a failure
	switch e.Error.Code {
	case "key_limit":
		return "all rules passed, no call placed", nil
	case "quiet_hours", "consent_missing": // rules that depend on the hour and on the number; those before them passed
		return "no call placed: stopped by the rule " + e.Error.Code, nil
	}
	return "", r.fail(q, a, "429 key_limit")
}

// twilioLogin is the value of Twilio's secret.
type twilioLogin struct{ AccountSID, AuthToken string }

func (r *run) twilioLogin(ctx context.Context) (login twilioLogin, err error) {
	name := r.secretName("twilio")
	text, err := r.readSecret(ctx, name)
	if err == nil && (json.Unmarshal([]byte(text), &login) != nil || login.AccountSID == "" || login.AuthToken == "") {
		err = errors.New("secret " + name + ` must be {"accountSid":"AC…","authToken":"…"}`)
	}
	return login, err
}

// checkTwilio lists the calls from the test number, of which there are none.
func (r *run) checkTwilio(ctx context.Context) (string, error) {
	if _, err := r.twilioLogin(ctx); err != nil {
		return "", err
	}
	client := twilio.New(twilio.Options{BaseURL: r.TwilioURL, Credentials: func(ctx context.Context) (string, error) {
		return plainSecrets{r}.Secret(ctx, r.secretName("twilio"))
	}})
	if _, err := client.ListCalls(ctx, assistantNumber, aurora.Phone(r.Number), time.Now().Add(-time.Hour)); err != nil {
		return "", fmt.Errorf("the account at Twilio, or its secret %s: %w", r.secretName("twilio"), err)
	}
	return "", nil
}

// signedForms are about calls and messages that do not exist, to a number without an assistant or with an unknown status: nothing
// is stored for them.
var signedForms = []struct {
	route
	form url.Values
	want int // the status
}{
	{signed(statusPath, "outbound-call-status"), url.Values{"CallSid": {noCall}, "CallStatus": {"completed"}}, http.StatusNotFound},
	{signed("/twilio/voice", "voice-incoming"), url.Values{"CallSid": {noCall}, "CallStatus": {"ringing"}, "From": {"anonymous"}, "To": {noNumber}}, http.StatusOK},
	{signed("/twilio/voice/after", "voice-after"), url.Values{"CallSid": {noCall}, "CallStatus": {"completed"}, "SessionStatus": {"completed"}}, http.StatusOK},
	{signed("/twilio/voice/status", "voice-after"), url.Values{"CallSid": {noCall}, "CallStatus": {"completed"}}, http.StatusOK},
	{signed("/twilio/messages", "message-incoming"), url.Values{"MessageSid": {noMessage}, "From": {"+15550000001"}, "To": {noNumber}, "Body": {"Smoke test"}}, http.StatusOK},
	{signed("/twilio/messages/status", "message-incoming"), url.Values{"MessageSid": {noMessage}, "MessageStatus": {"none"}, "From": {noNumber}, "To": {"+15550000001"}}, http.StatusOK},
}

// Ids and a number that nothing has. The number is of no country's plan.
const (
	noCall    = "CA00000000000000000000000000000000"
	noMessage = "SM00000000000000000000000000000000"
	noNumber  = "+15550000000"
)

func signed(path, function string) route {
	return route{method: http.MethodPost, path: path, function: function}
}

// signedChecks send each of them with Twilio's signature.
func (r *run) signedChecks() (checks []check) {
	for _, q := range signedForms {
		checks = append(checks, check{q.name(), func(ctx context.Context) (string, error) { return r.sendSigned(ctx, q.route, q.form, q.want) }})
	}
	return checks
}

// sendSigned sends a form with the account and Twilio's signature.
func (r *run) sendSigned(ctx context.Context, q route, form url.Values, want int) (string, error) {
	login, err := r.twilioLogin(ctx)
	if err != nil {
		return "", err
	}
	public := strings.TrimSuffix(r.PublicURL, "/")
	if public == "" {
		public = r.API
	}
	form = maps.Clone(form)
	form.Set("AccountSid", login.AccountSID)
	q.signature = faketwilio.Sign(login.AuthToken, public+q.path, form)
	a, err := r.send(ctx, q, "", form)
	if err == nil && a.status != want {
		err = r.fail(q, a, fmt.Sprintf("%d for what does not exist", want))
	}
	return "signature accepted", err
}
