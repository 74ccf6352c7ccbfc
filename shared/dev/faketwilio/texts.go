package faketwilio

import (
	"encoding/xml"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// textCourse is what becomes of a text message to a number. In the zero course it is delivered.
type textCourse struct {
	reply    reply // to the request of an accepted message
	lost     bool  // not accepted, and answered 500
	busyOnce bool  // every other request is answered with 429
	twice    bool  // each callback is posted twice, the last one first
	code     int   // the message is not delivered, because of this error
}

// textCourses are the courses of text messages to the numbers that doc.go lists.
var textCourses = map[string]textCourse{
	"+14155550130": {code: 30003},
	"+14155550131": {code: 30034},
	"+14155550132": {twice: true},
	"+14155550133": {reply: replyError},
	"+14155550134": {reply: replyNone},
	"+14155550135": {lost: true},
	"+14155550136": {busyOnce: true},
	"+14155550137": {reply: replyLate},
}

// end returns the last status.
func (c textCourse) end() string {
	if c.code != 0 {
		return "undelivered"
	}
	return "delivered"
}

// textStepTime is the time between two statuses of a message.
const textStepTime = 100 * time.Millisecond

// reportText carries a message through its statuses, and posts each to the callback's address.
func (s *Server) reportText(m Message, callback string, course textCourse) {
	statuses := []string{"queued", "sent", course.end()}
	var posts []url.Values
	for _, status := range statuses {
		form := url.Values{"AccountSid": {s.options.AccountSID}, "ApiVersion": {version}, "From": {m.From}, "To": {m.To}, "MessageSid": {m.SID}, "SmsSid": {m.SID},
			"MessageStatus": {status}, "SmsStatus": {status}}
		if m.MessagingServiceSID != "" {
			form.Set("MessagingServiceSid", m.MessagingServiceSID)
		}
		if status == "undelivered" {
			form.Set("ErrorCode", strconv.Itoa(course.code))
		}
		posts = append(posts, form)
	}
	if course.twice {
		slices.Reverse(posts)
		posts = append(posts, posts...)
	}
	for _, form := range posts {
		if !s.options.Wait(s.ctx, textStepTime) {
			return
		}
		s.setTextStatus(m.SID, form.Get("MessageStatus"), course.code)
		s.postCallback(m.SID, http.MethodPost, callback, form)
	}
}

// setTextStatus sets the status of a message, unless it has a final one.
func (s *Server) setTextStatus(sid, status string, code int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.messages {
		if m := &s.messages[i]; m.SID == sid && m.Status != "delivered" && m.Status != "undelivered" {
			m.Status = status
			if status == "undelivered" {
				m.ErrorCode = code
			}
		}
	}
}

// channelOf returns the channel of an address, "" for SMS.
func channelOf(address string) string {
	channel, _, ok := strings.Cut(address, ":")
	if !ok {
		return ""
	}
	return channel
}

// ownReply returns what Twilio does itself for a message that is one word, and its reply
// (https://help.twilio.com/articles/223134027). kind is empty for other messages.
func ownReply(body string) (kind, reply string) {
	switch strings.ToLower(strings.TrimSpace(body)) {
	case "stop", "stopall", "unsubscribe", "cancel", "end", "quit", "revoke", "optout":
		return "STOP", "You have successfully been unsubscribed. You will not receive any more messages from this number. Reply START to resubscribe."
	case "start", "yes", "unstop":
		return "START", "You have successfully been re-subscribed to messages from this number. Reply HELP for help. Reply STOP to unsubscribe. Msg&Data Rates May Apply."
	case "help", "info":
		return "HELP", "Reply STOP to unsubscribe. Msg&Data Rates May Apply."
	}
	return "", ""
}

// InboundText is a text message of a person to a number of the account.
type InboundText struct {
	From, To, Body string
	// Fields are further fields of the form, such as NumMedia or MessagingServiceSid. They win over the usual ones.
	Fields url.Values
}

// ReceiveText takes a text message of a person: it posts it to MessageURL, and replies itself to words such as STOP. It returns
// the message's sid and the request that was made last.
func (s *Server) ReceiveText(in InboundText) (sid string, answer Callback) {
	m := Message{SID: newSID("SM"), From: in.From, To: in.To, Body: in.Body, Direction: directionInbound, Status: "received", At: s.options.Now()}
	s.mu.Lock()
	s.messages = appendBounded(s.messages, m)
	s.mu.Unlock()
	s.applyOwnReply(m)
	form := url.Values{"AccountSid": {s.options.AccountSID}, "ApiVersion": {version}, "MessageSid": {m.SID}, "SmsMessageSid": {m.SID}, "SmsSid": {m.SID}, "SmsStatus": {"received"},
		"From": {m.From}, "To": {m.To}, "Body": {m.Body}, "NumMedia": {"0"}, "NumSegments": {strconv.Itoa(segments(m.Body))}}
	if channelOf(m.From) == "" {
		for _, field := range []string{"FromCity", "FromState", "FromZip", "FromCountry", "ToCity", "ToState", "ToZip", "ToCountry"} {
			form.Set(field, map[string]string{"FromCountry": "US", "ToCountry": "US"}[field])
		}
	} else {
		form.Set("ProfileName", "A person")
		form.Set("WaId", strings.TrimPrefix(strings.TrimPrefix(m.From, channelOf(m.From)+":"), "+"))
	}
	for name, values := range in.Fields {
		form[name] = values
	}
	if s.options.MessageURL == "" {
		return m.SID, answer
	}
	request := s.newRequest(m.SID, http.MethodPost, s.options.MessageURL, form)
	if answer = s.makeRequest(request); answer.Err != nil { // Twilio tries once more after a failure to connect, with the same token
		answer = s.makeRequest(request)
	}
	s.sendTwiMLReplies(m, answer)
	return m.SID, answer
}

// applyOwnReply changes the block list and replies, as Twilio does by default on SMS for a message that is one word.
func (s *Server) applyOwnReply(m Message) {
	kind, reply := ownReply(m.Body)
	if kind == "" || channelOf(m.From) != "" || !strings.HasPrefix(m.To, "+") {
		return
	}
	pair := [2]string{m.To, m.From}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch wasBlocked := s.blocked[pair]; kind {
	case "STOP":
		s.blocked[pair] = true
	case "START":
		if !wasBlocked && strings.EqualFold(strings.TrimSpace(m.Body), "yes") {
			return
		}
		delete(s.blocked, pair)
	case "HELP":
		if wasBlocked {
			return
		}
	}
	s.messages = appendBounded(s.messages, Message{SID: newSID("SM"), From: m.To, To: m.From, Body: reply, Direction: "outbound-reply", Status: "delivered", At: s.options.Now()})
}

// sendTwiMLReplies sends the messages of the answer's TwiML.
func (s *Server) sendTwiMLReplies(m Message, answer Callback) {
	var document struct {
		XMLName  xml.Name `xml:"Response"`
		Messages []struct {
			Text string `xml:",chardata"`
			Body string `xml:"Body"`
		} `xml:"Message"`
	}
	if answer.Status != http.StatusOK || xml.Unmarshal([]byte(answer.Body), &document) != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, reply := range document.Messages {
		s.messages = appendBounded(s.messages, Message{SID: newSID("SM"), From: m.To, To: m.From, Body: strings.TrimSpace(reply.Text + reply.Body), Direction: "outbound-reply", Status: "delivered", At: s.options.Now()})
	}
}
