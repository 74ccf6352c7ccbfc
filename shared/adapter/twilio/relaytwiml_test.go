package twilio_test

import (
	"encoding/xml"
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"example.com/aurora/shared/adapter/twilio"
	"example.com/aurora/shared/core/aurora"
)

// node is an element of TwiML.
type node struct {
	XMLName xml.Name
	Attrs   []xml.Attr `xml:",any,attr"`
	Nodes   []node     `xml:",any"`
	Text    string     `xml:",chardata"`
}

func (n node) attributes() map[string]string {
	all := map[string]string{}
	for _, a := range n.Attrs {
		all[a.Name.Local] = a.Value
	}
	return all
}

// documentedAttributes are the attributes that Twilio documents, with a check of their values. Letter case counts: Twilio
// ignores an unknown name without an error.
// https://www.twilio.com/docs/voice/twiml/connect/conversationrelay and the pages of the other verbs
var documentedAttributes = map[string]map[string]func(string) bool{
	"Response": {}, "Hangup": {}, "Start": {}, "Parameter": {"name": anyText, "value": anyText},
	"Reject":  {"reason": oneOf("busy", "rejected")},
	"Say":     {"language": func(s string) bool { return len(s) == 5 }, "voice": anyText, "loop": anyText},
	"Connect": {"action": isHTTPURL, "method": oneOf("POST", "GET")},
	"Dial": {"action": isHTTPURL, "method": oneOf("POST", "GET"), "timeout": between(5, 600), "answerOnBridge": isBool, "callerId": isE164,
		"timeLimit": between(1, 86400), "hangupOnStar": isBool},
	"Number": {"sendDigits": anyText}, "Sip": {},
	"Recording": {"recordingStatusCallback": isHTTPURL, "recordingStatusCallbackMethod": oneOf("POST", "GET"), "channels": oneOf("mono", "dual"),
		"recordingStatusCallbackEvent": oneOf("in-progress", "completed", "absent"), "trim": anyText, "track": oneOf("inbound", "outbound", "both")},
	"ConversationRelay": {"url": func(s string) bool {
		u, err := url.Parse(s)
		return err == nil && u.Scheme == "wss" && u.RawQuery == ""
	},
		"welcomeGreeting": anyText, "welcomeGreetingInterruptible": oneOf("none", "dtmf", "speech", "any"), "language": anyText, "ttsLanguage": anyText,
		"transcriptionLanguage": anyText, "ttsProvider": oneOf("ElevenLabs", "Google", "Amazon"), "voice": anyText,
		"transcriptionProvider": oneOf("Deepgram", "Google"), "speechModel": oneOf("nova-2-general", "nova-3-general", "flux", "telephony"),
		"eotThreshold": anyText, "partialPrompts": isBool, "speechTimeout": between(600, 5000), "interruptible": oneOf("none", "dtmf", "speech", "any"),
		"interruptSensitivity": oneOf("high", "medium", "low"), "reportInputDuringAgentSpeech": oneOf("none", "dtmf", "speech", "any"),
		"ignoreBackchannel": isBool, "preemptible": isBool, "dtmfDetection": isBool, "hints": anyText, "deepgramSmartFormat": isBool,
		"profanityFilter": isBool, "backgroundNoiseReduction": isBool, "elevenlabsTextNormalization": oneOf("on", "auto", "off"),
		"events": oneOf("speaker-events", "tokens-played", "speaker-events tokens-played"), "debug": anyText, "applicationReconnect": isBool},
}

func isBool(s string) bool { return s == "true" || s == "false" }

// parseTwiML reads a document as Twilio would, and checks every element and attribute.
func parseTwiML(t *testing.T, document string) node {
	t.Helper()
	var root node
	if err := xml.Unmarshal([]byte(document), &root); err != nil {
		t.Fatalf("%s\nis not XML: %v", document, err)
	}
	var check func(n node)
	check = func(n node) {
		known, ok := documentedAttributes[n.XMLName.Local]
		if !ok {
			t.Errorf("there is no element %s in TwiML", n.XMLName.Local)
		}
		for name, value := range n.attributes() {
			if isValid, ok := known[name]; !ok {
				t.Errorf("%s has no attribute %s", n.XMLName.Local, name)
			} else if !isValid(value) {
				t.Errorf("%s of %s does not take %q", name, n.XMLName.Local, value)
			}
		}
		for _, child := range n.Nodes {
			check(child)
		}
	}
	check(root)
	return root
}

func writeVoice(t *testing.T, p aurora.CallPlan) string {
	t.Helper()
	document, err := twilio.VoiceTwiML(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	return document
}

// relayPlan connects a call with an assistant that speaks English.
func relayPlan(change func(*aurora.Assistant)) aurora.CallPlan {
	a := aurora.Assistant{Configuration: aurora.Configuration{AssistantID: "a1"}}
	if change != nil {
		change(&a)
	}
	return aurora.CallPlan{Relay: &aurora.RelaySession{URL: "wss://relay.example.com/prod", Token: "tok", AfterURL: "https://api.example.com/prod/twilio/voice/after",
		Greeting: "Hello.", Assistant: a}}
}

func TestRelayTwiML(t *testing.T) {
	got := writeVoice(t, relayPlan(func(a *aurora.Assistant) {
		a.ElevenLabsVoiceID, a.ElevenLabsModel, a.DeepgramModel, a.GracePeriodMs = "21m00Tcm4TlvDq8ikWAM", "eleven_turbo_v2_5", "nova-2", "900"
		a.AssistantName, a.OrgName, a.Language = "Avery", "Harbor, Dental", "en-GB"
	}))
	want := `<?xml version="1.0" encoding="UTF-8"?><Response><Connect action="https://api.example.com/prod/twilio/voice/after" method="POST">` +
		`<ConversationRelay applicationReconnect="true" dtmfDetection="true" events="speaker-events" hints="Avery, Harbor Dental" ignoreBackchannel="true" ` +
		`interruptible="any" language="en-GB" reportInputDuringAgentSpeech="none" speechModel="nova-2-general" speechTimeout="900" transcriptionProvider="Deepgram" ` +
		`ttsProvider="ElevenLabs" url="wss://relay.example.com/prod" voice="21m00Tcm4TlvDq8ikWAM-turbo_v2_5" welcomeGreeting="Hello."><Parameter name="token" value="tok"/>` +
		`</ConversationRelay></Connect></Response>`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	parseTwiML(t, got)
}

// Values that end a call are left out: nicknames of voices, and models and languages that do not fit together.
func TestRelayAttributesOfAssistants(t *testing.T) {
	const voice = "21m00Tcm4TlvDq8ikWAM"
	for name, c := range map[string]struct {
		change func(*aurora.Assistant)
		want   string // the attributes that depend on the assistant
	}{
		"nothing":                      {nil, ""},
		"a nickname":                   {func(a *aurora.Assistant) { a.ElevenLabsVoiceID, a.ElevenLabsModel = "burt", "eleven_turbo_v2_5" }, ""},
		"a model without a voice":      {func(a *aurora.Assistant) { a.ElevenLabsModel = "eleven_turbo_v2_5" }, ""},
		"a voice of 19 characters":     {func(a *aurora.Assistant) { a.ElevenLabsVoiceID = aurora.Text(voice[:19]) }, ""},
		"a voice with markup":          {func(a *aurora.Assistant) { a.ElevenLabsVoiceID = `21m00Tcm4TlvDq8ik"/>` }, ""},
		"a voice":                      {func(a *aurora.Assistant) { a.ElevenLabsVoiceID = voice }, "ttsProvider=ElevenLabs voice=" + voice},
		"a voice and an unknown model": {func(a *aurora.Assistant) { a.ElevenLabsVoiceID, a.ElevenLabsModel = voice, "eleven_v9" }, "ttsProvider=ElevenLabs voice=" + voice},
		"a model without its prefix":   {func(a *aurora.Assistant) { a.ElevenLabsVoiceID, a.ElevenLabsModel = voice, "flash_v2_5" }, "ttsProvider=ElevenLabs voice=" + voice + "-flash_v2_5"},
		"an English model in Spanish": {func(a *aurora.Assistant) {
			a.ElevenLabsVoiceID, a.ElevenLabsModel, a.Language = voice, "eleven_turbo_v2", "es"
		}, "language=es-US ttsProvider=ElevenLabs voice=" + voice},
		"nova-2":                         {func(a *aurora.Assistant) { a.DeepgramModel = "nova-2" }, "speechModel=nova-2-general transcriptionProvider=Deepgram"},
		"nova-3":                         {func(a *aurora.Assistant) { a.DeepgramModel = "nova-3" }, "speechModel=nova-3-general transcriptionProvider=Deepgram"},
		"nova-2-general":                 {func(a *aurora.Assistant) { a.DeepgramModel = "nova-2-general" }, "speechModel=nova-2-general transcriptionProvider=Deepgram"},
		"nova-2-phonecall":               {func(a *aurora.Assistant) { a.DeepgramModel = "nova-2-phonecall" }, ""},
		"nova-2 in Spanish":              {func(a *aurora.Assistant) { a.DeepgramModel, a.Language = "nova-2", "es-MX" }, "language=es-US"},
		"flux":                           {func(a *aurora.Assistant) { a.DeepgramModel, a.GracePeriodMs = "flux", "900" }, "speechModel=flux transcriptionProvider=Deepgram"},
		"flux in Polish":                 {func(a *aurora.Assistant) { a.DeepgramModel, a.Language = "flux", "pl" }, ""},
		"a language with its region":     {func(a *aurora.Assistant) { a.Language = "pt-pt" }, "language=pt-PT"},
		"a language without a region":    {func(a *aurora.Assistant) { a.Language = "de" }, "language=de-DE"},
		"a language of another script":   {func(a *aurora.Assistant) { a.Language = "zh-Hant-TW" }, ""},
		"a text that is no tag":          {func(a *aurora.Assistant) { a.Language = `en"><Hangup/>` }, ""},
		"a grace period":                 {func(a *aurora.Assistant) { a.GracePeriodMs = "600" }, "speechTimeout=600"},
		"a grace period that is short":   {func(a *aurora.Assistant) { a.GracePeriodMs = "300" }, ""},
		"a grace period that is long":    {func(a *aurora.Assistant) { a.GracePeriodMs = "5001" }, ""},
		"a grace period that is no text": {func(a *aurora.Assistant) { a.GracePeriodMs = "true" }, ""},
		"hints that are too long": {func(a *aurora.Assistant) {
			a.AssistantName, a.OrgName = aurora.Text(strings.Repeat("a", 100)), aurora.Text(strings.Repeat("b", 100))
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			root := parseTwiML(t, writeVoice(t, relayPlan(c.change)))
			all := root.Nodes[0].Nodes[0].attributes()
			for _, fixed := range []string{"url", "welcomeGreeting", "interruptible", "reportInputDuringAgentSpeech", "dtmfDetection", "events", "applicationReconnect", "ignoreBackchannel"} {
				if all[fixed] == "" {
					t.Errorf("there is no %s", fixed)
				}
				delete(all, fixed)
			}
			var got []string
			for _, name := range slices.Sorted(maps.Keys(all)) {
				got = append(got, name+"="+all[name])
			}
			if strings.Join(got, " ") != c.want {
				t.Errorf("got %q, want %q", strings.Join(got, " "), c.want)
			}
		})
	}
}

// A text of ours cannot become markup, and holds nothing that XML forbids.
func TestGreetingIsEscaped(t *testing.T) {
	for name, c := range map[string]struct{ greeting, want string }{
		"quotes and markup":  {`"Hi" <Hangup/> & 'you'`, `"Hi" <Hangup/> & 'you'`},
		"control characters": {"Hi\x00 \x1b[1mthere\x07\ufffe", "Hi [1mthere"},
		"lines and spaces":   {"  Hello,\r\n\tthis is Avery. ", "Hello, this is Avery."},
		"invalid UTF-8":      {"Hello \xff\xfe.", "Hello ."},
		"other scripts":      {"你好 👋 مرحبا", "你好 👋 مرحبا"},
		"nothing to say":     {" \n\x00", ""},
	} {
		p := relayPlan(nil)
		p.Relay.Greeting = c.greeting
		document := writeVoice(t, p)
		root := parseTwiML(t, document)
		got, there := root.Nodes[0].Nodes[0].attributes()["welcomeGreeting"]
		if got != c.want || there != (c.want != "") {
			t.Errorf("%s: %q (there is an attribute: %t), want %q\n%s", name, got, there, c.want, document)
		}
	}
}

func TestVoiceTwiML(t *testing.T) {
	const after = "https://api.example.com/prod/twilio/voice/after"
	for name, c := range map[string]struct {
		plan aurora.CallPlan
		want string
	}{
		"a hangup": {aurora.CallPlan{Hangup: true}, `<Hangup/>`},
		"reject":   {aurora.CallPlan{Reject: true, Say: "not said"}, `<Reject reason="busy"/>`},
		"words":    {aurora.CallPlan{Say: "Sorry & <goodbye>.", Language: "es-AR", Hangup: true}, `<Say language="es-ES">Sorry &amp; &lt;goodbye&gt;.</Say><Hangup/>`},
		"words in a language that no voice speaks": {aurora.CallPlan{Say: "Dia duit.", Language: "ga", Hangup: true}, `<Say>Dia duit.</Say><Hangup/>`},
		"a recorded call": {aurora.CallPlan{Say: "Recorded.", RecordingURL: "https://api.example.com/twilio/voice/status", Relay: &aurora.RelaySession{URL: "wss://r.example.com/p", Token: "t"}},
			`<Say>Recorded.</Say><Start><Recording channels="dual" recordingStatusCallback="https://api.example.com/twilio/voice/status" recordingStatusCallbackEvent="completed" recordingStatusCallbackMethod="POST"/></Start>` +
				`<Connect><ConversationRelay applicationReconnect="true" dtmfDetection="true" events="speaker-events" ignoreBackchannel="true" interruptible="any" reportInputDuringAgentSpeech="none" url="wss://r.example.com/p"><Parameter name="token" value="t"/></ConversationRelay></Connect>`},
		"a number": {aurora.CallPlan{Say: "One moment.", Dial: &aurora.DialPlan{To: aurora.Destination{Number: "+1 (415) 555-0100", Extension: "42"}, AfterURL: after}},
			`<Say>One moment.</Say><Dial action="` + after + `" answerOnBridge="true" method="POST" timeout="25"><Number sendDigits="wwww42">+14155550100</Number></Dial>`},
		"a SIP address": {aurora.CallPlan{Dial: &aurora.DialPlan{To: aurora.Destination{SIPURI: "sip:desk@example.com"}, CallerID: "+15551230100"}},
			`<Dial answerOnBridge="true" callerId="+15551230100" timeout="25"><Sip>sip:desk@example.com</Sip></Dial>`},
	} {
		got := writeVoice(t, c.plan)
		if want := `<?xml version="1.0" encoding="UTF-8"?><Response>` + c.want + `</Response>`; got != want {
			t.Errorf("%s:\n got %s\nwant %s", name, got, want)
		}
		parseTwiML(t, got)
	}
	if _, err := twilio.VoiceTwiML(t.Context(), aurora.CallPlan{Dial: &aurora.DialPlan{To: aurora.Destination{Number: "5550100"}}}); err == nil {
		t.Error("a destination that cannot be dialled is no error")
	}
	parseTwiML(t, twilio.ApologyTwiML)
	if got, want := writeVoice(t, aurora.CallPlan{}), `<?xml version="1.0" encoding="UTF-8"?><Response/>`; got != want {
		t.Errorf("nothing to do: %s, want %s", got, want)
	}
}

func TestCreateCallByRelay(t *testing.T) {
	f, c := newFakeTwilio(t, respond(201, `{"sid":"`+callSID+`"}`))
	d := newCallRequest()
	d.StreamURL, d.Plan = "", relayPlan(nil)
	if _, err := c.CreateCall(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	_, query, _ := strings.Cut(f.sentRequests()[0], "?")
	form, err := url.ParseQuery(query)
	if err != nil {
		t.Fatal(err)
	}
	checkParameters(t, form)
	if got := form.Get("Twiml"); got != writeVoice(t, d.Plan) || utf8.RuneCountInString(got) > 4000 {
		t.Errorf("the TwiML is %s", got)
	}
	f.reset()
	d.Plan.Relay.Greeting = strings.Repeat("a", 4000)
	if _, err := c.CreateCall(t.Context(), d); err == nil {
		t.Error("TwiML of more than 4000 characters is no error")
	}
	f.expectRequests(t, 0)
}
