package faketwilio

import (
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
)

var e164 = regexp.MustCompile(`^\+[1-9][0-9]{6,14}$`)

// The magic numbers of Twilio's test credentials: https://www.twilio.com/docs/iam/test-credentials
var (
	rejectedRecipients = map[string]func(to string) *apiError{
		"+15005550001": func(to string) *apiError { return newError(400, 21211, "Invalid 'To' Phone Number: %s", to) },
		"+15005550002": func(to string) *apiError {
			return newError(400, 21612, "The 'To' phone number: %s, is not currently reachable using the 'From' phone number via SMS.", to)
		},
		"+15005550003": func(to string) *apiError {
			return newError(400, 21408, "Permission to send an SMS has not been enabled for the region indicated by the 'To' number: %s", to)
		},
		"+15005550004": func(string) *apiError { return newError(400, 21610, "Attempt to send to unsubscribed recipient") },
		"+15005550009": func(to string) *apiError {
			return newError(400, 21614, "'To' number is not a valid mobile number: %s", to)
		},
	}
	rejectedSenders = map[string]func(from string) *apiError{
		"+15005550001": func(from string) *apiError { return newError(400, 21212, "Invalid 'From' Phone Number: %s", from) },
		"+15005550007": func(from string) *apiError {
			return newError(400, 21606, "The 'From' phone number %s is not a valid, SMS-capable inbound phone number or short code for your account.", from)
		},
		"+15005550008": func(from string) *apiError {
			return newError(429, 21611, "This 'From' number has exceeded the maximum number of queued messages: %s", from)
		},
	}
)

// maxBody is the maximum length of a message in UTF-16 units, as Twilio counts.
const maxBody = 1600

// address is what Twilio accepts in From and To: a number, perhaps of another channel, or as From a short code or an RCS agent.
var (
	personAddress = regexp.MustCompile(`^((whatsapp|rcs):)?\+[1-9][0-9]{6,14}$`)
	senderAddress = regexp.MustCompile(`^(((whatsapp|rcs):)?\+[1-9][0-9]{6,14}|[0-9]{3,8}|rcs:[A-Za-z0-9_]+)$`)
	serviceSID    = regexp.MustCompile(`^MG[0-9a-fA-F]{32}$`)
)

// sendMessage accepts a text message: https://www.twilio.com/docs/messaging/api/message-resource
func (s *Server) sendMessage(w http.ResponseWriter, r *http.Request) *apiError {
	m := Message{SID: newSID("SM"), From: r.PostForm.Get("From"), To: r.PostForm.Get("To"), Body: r.PostForm.Get("Body"), MessagingServiceSID: r.PostForm.Get("MessagingServiceSid"),
		Direction: directionOutboundAPI, Status: statusQueued, At: s.options.Now()}
	switch {
	case m.To == "":
		return newError(400, 21604, "A 'To' phone number is required.")
	case m.From == "":
		return newError(400, 21603, "A 'From' phone number is required.")
	case m.Body == "":
		return newError(400, 21602, "Message body is required.")
	case len(utf16.Encode([]rune(m.Body))) > maxBody:
		return newError(400, 21617, "The concatenated message body exceeds the 1600 character limit")
	case m.MessagingServiceSID != "" && !serviceSID.MatchString(m.MessagingServiceSID):
		return newError(400, 21701, "The Messaging Service does not exist: %s", m.MessagingServiceSID)
	case !personAddress.MatchString(m.To):
		return rejectedRecipients["+15005550001"](m.To)
	case !senderAddress.MatchString(m.From):
		return rejectedSenders["+15005550001"](m.From)
	case m.From == m.To:
		return newError(400, 21266, "'To' and 'From' number cannot be the same: %s", m.To)
	case channelOf(m.From) != channelOf(m.To):
		return newError(400, 21910, "Invalid From and To pair. From and To should be of the same channel")
	}
	if bad := rejectedRecipients[m.To]; bad != nil {
		return bad(m.To)
	}
	if bad := rejectedSenders[m.From]; bad != nil {
		return bad(m.From)
	}
	callback := r.PostForm.Get("StatusCallback")
	if callback != "" && !strings.HasPrefix(callback, "http") {
		return newError(400, 21609, "Invalid StatusCallback URL: %s", callback)
	}
	return s.acceptMessage(w, m, callback)
}

// acceptMessage stores a message, reports its statuses, and answers as the person's number says.
func (s *Server) acceptMessage(w http.ResponseWriter, m Message, callback string) *apiError {
	course := textCourses[m.To]
	s.mu.Lock()
	if s.blocked[[2]string{m.From, m.To}] {
		s.mu.Unlock()
		return newError(400, 21610, "Attempt to send to unsubscribed recipient")
	}
	if course.busyOnce {
		if s.busy["text "+m.To] = !s.busy["text "+m.To]; s.busy["text "+m.To] {
			s.mu.Unlock()
			return newError(429, 20429, "Too Many Requests")
		}
	}
	if course.lost {
		s.mu.Unlock()
		return newError(500, 20500, "Internal Server Error")
	}
	stored := m
	if callback == "" {
		stored.Status, stored.ErrorCode = course.end(), course.code
	}
	s.messages = appendBounded(s.messages, stored)
	if !s.closed && callback != "" {
		s.running.Go(func() { s.reportText(m, callback, course) })
	}
	s.mu.Unlock()
	switch course.reply {
	case replyError:
		return newError(500, 20500, "Internal Server Error")
	case replyNone:
		panic(http.ErrAbortHandler)
	case replyLate:
		if !s.options.Wait(s.ctx, lateReplyDelay) {
			panic(http.ErrAbortHandler)
		}
	}
	writeJSON(w, http.StatusCreated, s.describe(m))
	return nil
}

// listMessages lists messages, the newest first, of one sender and one recipient if From and To are given.
func (s *Server) listMessages(w http.ResponseWriter, r *http.Request) *apiError {
	list := []map[string]any{}
	for _, m := range slices.Backward(s.Messages()) {
		from, to := r.Form.Get("From"), r.Form.Get("To")
		if (to == "" || to == m.To) && (from == "" || from == m.From) {
			list = append(list, s.describe(m))
		}
	}
	uri := r.URL.RequestURI()
	writeJSON(w, http.StatusOK, map[string]any{"messages": list, "page": 0, "page_size": maxStored, "start": 0, "end": max(0, len(list)-1), "uri": uri,
		"first_page_uri": uri, "next_page_uri": nil, "previous_page_uri": nil})
	return nil
}

func (s *Server) fetchMessage(w http.ResponseWriter, r *http.Request) *apiError {
	sid, _ := resourceSID(r)
	for _, m := range s.Messages() {
		if m.SID == sid {
			writeJSON(w, http.StatusOK, s.describe(m))
			return nil
		}
	}
	return notFound(r)
}

func (s *Server) describe(m Message) map[string]any {
	path := "/" + version + "/Accounts/" + s.options.AccountSID + "/Messages/" + m.SID
	out := map[string]any{"sid": m.SID, "account_sid": s.options.AccountSID, "api_version": version, "from": m.From, "to": m.To, "body": m.Body,
		"status": m.Status, "direction": m.Direction, "num_segments": strconv.Itoa(segments(m.Body)), "num_media": "0",
		"date_created": formatTime(m.At), "date_updated": formatTime(m.At), "date_sent": nil, "error_code": nil, "error_message": nil,
		"messaging_service_sid": nil, "price": nil, "price_unit": "USD", "uri": path + ".json",
		"subresource_uris": map[string]string{"media": path + "/Media.json"}}
	if m.MessagingServiceSID != "" {
		out["messaging_service_sid"] = m.MessagingServiceSID
	}
	if m.ErrorCode != 0 {
		out["error_code"] = m.ErrorCode
	}
	if m.Status != statusQueued {
		out["date_sent"] = formatTime(m.At)
	}
	return out
}

// gsm lists the characters of GSM 03.38; each extended one takes two septets.
const (
	gsm         = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
	gsmExtended = "^{}\\[~]|€\f"
)

// segments returns the number of segments of a text: one holds 160 septets or 70 UTF-16 units, each of several 153 or 67.
func segments(body string) int {
	places, one, each := 0, 160, 153
	for _, r := range body {
		switch {
		case strings.ContainsRune(gsm, r):
			places++
		case strings.ContainsRune(gsmExtended, r):
			places += 2
		default:
			one = 70
		}
	}
	if one == 70 {
		places, each = len(utf16.Encode([]rune(body))), 67
	}
	if places <= one {
		return 1
	}
	return (places + each - 1) / each
}
