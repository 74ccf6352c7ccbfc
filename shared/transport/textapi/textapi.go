// Package textapi is the HTTP side of text messages that come straight from Twilio: the form of a message, and the reports of
// what becomes of our answers.
package textapi

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strconv"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/transport/twilioapi"
	"example.com/aurora/shared/transport/web"
	"example.com/aurora/shared/usecase/textmessage"
)

// The paths of the routes.
const (
	MessagesPath = "/twilio/messages"
	StatusPath   = "/twilio/messages/status"
)

// noReply is TwiML that sends nothing: the answer is sent later, by Twilio's API.
const noReply = `<?xml version="1.0" encoding="UTF-8"?><Response></Response>`

// Receiver takes messages. It is a *textmessage.Receiver except in tests.
type Receiver interface {
	Receive(ctx context.Context, m textmessage.Message) error
}

// MessageHandler returns the handler of messages. publicURL is the setting PUBLIC_URL.
func MessageHandler(v twilioapi.Verifier, receiver Receiver, publicURL string) web.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) error {
		form, err := twilioapi.ReadForm(r, v, publicURL)
		if err != nil {
			return err
		}
		m := decodeMessage(form)
		m.StatusURL = web.PublicURL(r, publicURL) + StatusPath
		if err := receiver.Receive(r.Context(), m); err != nil {
			return err
		}
		w.Header().Set("Content-Type", "text/xml; charset=utf-8")
		_, err = io.WriteString(w, noReply)
		return err
	}
}

// StatusRecorder takes reports. It is a *textmessage.StatusReceiver except in tests.
type StatusRecorder interface {
	Record(ctx context.Context, r aurora.TextReport, to aurora.Phone) error
}

// StatusHandler returns the handler of reports.
func StatusHandler(v twilioapi.Verifier, recorder StatusRecorder, publicURL string) web.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) error {
		form, err := twilioapi.ReadForm(r, v, publicURL)
		if err != nil {
			return err
		}
		report := aurora.TextReport{SID: sidOf(form), Status: aurora.TextStatus(first(form, "MessageStatus", "SmsStatus"))}
		if code, err := strconv.Atoi(form.Get("ErrorCode")); err == nil && code > 0 && code < 1e6 {
			report.ErrorCode = code
		}
		to, _ := aurora.TextAddress(form.Get("To")).Phone()
		if err := recorder.Record(r.Context(), report, to); err != nil {
			return err
		}
		return web.WriteJSON(w, http.StatusOK, struct{}{})
	}
}

// maxMedia is the largest number of media that are described. Twilio passes on at most ten.
const maxMedia = 20

// decodeMessage reads the form of a message: https://www.twilio.com/docs/messaging/guides/webhook-request
func decodeMessage(form url.Values) textmessage.Message {
	m := textmessage.Message{
		SID: sidOf(form), From: aurora.TextAddress(form.Get("From")), To: aurora.TextAddress(form.Get("To")), MessagingServiceSID: form.Get("MessagingServiceSid"),
		Body: form.Get("Body"), OptOutType: form.Get("OptOutType"),
		Contents: textmessage.Contents{
			ButtonText: form.Get("ButtonText"), ButtonPayload: form.Get("ButtonPayload"),
			Latitude: form.Get("Latitude"), Longitude: form.Get("Longitude"), Label: form.Get("Label"), Address: form.Get("Address"),
			RepliedSID: form.Get("OriginalRepliedMessageSid"),
		},
	}
	n, _ := strconv.Atoi(form.Get("NumMedia")) // 0 if it is missing
	for i := range min(n, maxMedia) {
		media := form.Get("MediaContentType" + strconv.Itoa(i))
		if media == "" {
			media = "unknown"
		}
		m.Media = append(m.Media, media)
	}
	return m
}

func sidOf(form url.Values) string { return first(form, "MessageSid", "SmsMessageSid", "SmsSid") }

// first returns the first value that is not empty.
func first(form url.Values, names ...string) string {
	for _, name := range names {
		if v := form.Get(name); v != "" {
			return v
		}
	}
	return ""
}
