package aurora

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// Configuration is the part of an assistant that voice providers receive: the 19 keys that the API document lists for
// assistant-request, in its order and spelling.
type Configuration struct {
	AssistantID                 Text `json:"assistantId"`
	AIResponseLengthMinimum     Text `json:"aiResponseLengthMinimum"`
	AssistantFirstMessage       Text `json:"assistantFirstMessage"`
	AssistantName               Text `json:"assistantName"`
	AssistantPhoneNumber        Text `json:"assistantPhoneNumber"`
	AssistantPhoneNumberName    Text `json:"assistantPhoneNumberName"`
	AssistantPrompt             Text `json:"assistantPrompt"`
	DeepgramModel               Text `json:"deepgramModel"`
	ElevenLabsModel             Text `json:"elevenLabsModel"`
	ElevenLabsVoiceID           Text `json:"elevenLabsVoiceId"`
	Emails                      List `json:"emails"`
	Functions                   List `json:"functions"`
	GracePeriodMs               Text `json:"gracePeriodMs"`
	MinimumTimeBeforeAIResponds Text `json:"minimumTimeBeforeAiResponds"`
	OrgName                     Text `json:"orgName"`
	PhoneNumbers                List `json:"phoneNumbers"`
	QuickFinalizeDelayMs        Text `json:"quickFinalizeDelayMs"`
	TextFromNumber              Text `json:"textFromNumber"`
	TimeZone                    Text `json:"timeZone"`
}

// Assistant is a stored assistant: its Configuration, and the fields that never leave the deployment.
type Assistant struct {
	Configuration
	// Internal assistants are included in the internal report.
	Internal bool `json:"internal,omitempty"`
	// Temperature, 0 to 2, is used if the request has none. If it is nil, the model uses its default.
	Temperature *float64 `json:"temperature,omitempty"`
	// TransferDestinations are the only numbers and addresses a call may be transferred to.
	TransferDestinations []Destination `json:"transferDestinations,omitempty"`
	// Handoffs are the ids of the assistants this one may hand a conversation to.
	Handoffs List `json:"handoffs,omitempty"`
	// Vapi is the whole answer to an assistant-request in Vapi's own shape.
	Vapi json.RawMessage `json:"vapi,omitempty"`
	// Models are tried in order until one answers. If there are none, the deployment's are used.
	Models []ModelRef `json:"models,omitempty"`
	// Tools are the HTTP tools of the assistant.
	Tools []HTTPTool `json:"tools,omitempty"`
	// MCPServers are the servers of the Model Context Protocol whose tools the assistant has.
	MCPServers []MCPServer `json:"mcpServers,omitempty"`
	// CallControl is "aurora" if Aurora transfers and ends calls itself, through Twilio. Otherwise the voice server does.
	CallControl string `json:"callControl,omitempty"`
	// TrustCallerNumber says that the site that serves the web chat has verified the person's number, so that tools may act by it there.
	TrustCallerNumber bool `json:"trustCallerNumber,omitempty"`
	// FallbackMessage is said if the model fails on the phone or by SMS.
	FallbackMessage string `json:"fallbackMessage,omitempty"`
	// VoiceMode is how its outbound calls are connected: see the setting VOICE_MODE, which holds if it is empty.
	VoiceMode VoiceMode `json:"voiceMode,omitempty"`
	// FallbackNumber is dialled if Aurora cannot serve a phone call. It is in E.164.
	FallbackNumber string `json:"fallbackNumber,omitempty"`
	// VoicemailMessage is spoken if a machine answers an outbound call. If it is empty, the call ends.
	VoicemailMessage string `json:"voicemailMessage,omitempty"`
	// Recording says whether its phone calls are recorded.
	Recording RecordingSettings `json:"recording,omitzero"`
	// Filler is said on the phone while a tool or the first word takes long. Empty means the default phrase, "-" none.
	Filler string `json:"filler,omitempty"`
	// SpeechTags are the names of the tags in the model's text that the voice understands, such as break. Other tags are removed.
	SpeechTags List `json:"speechTags,omitempty"`
	// MaxTurns limits how often the model is called in a turn. 0 means the limit of all turns, which is also the highest.
	MaxTurns int `json:"maxTurns,omitempty"`
	// FirstTokenTimeoutMs is how long its model may take to the first token. 0 means the default of the channel.
	FirstTokenTimeoutMs int `json:"firstTokenTimeoutMs,omitempty"`
	// SMS limits its text messages.
	SMS SMSSettings `json:"sms,omitzero"`
	// Report says when the assistant's reports are made.
	Report ReportConfig `json:"report,omitzero"`
	// Analysis says what to find out about its calls.
	Analysis AnalysisConfig `json:"analysis,omitzero"`
	// Language is the language that the assistant speaks, as a BCP 47 tag such as es. If it is empty, the prompt decides.
	Language string `json:"language,omitempty"`
	// RetentionDays is how long the assistant's calls are kept. 0 means as long as the deployment keeps calls, which is also the most.
	RetentionDays int `json:"retentionDays,omitempty"`
	// Storage says what is stored of its calls.
	Storage Storage `json:"storage,omitempty"`
	// Version identifies the stored document: the number of its version, or the beginning of its SHA-256 where it was stored
	// without one. It is empty for an assistant that is not read from a store.
	Version string `json:"-"`
	// PublishedAt is when the version began to answer calls. It is zero for a document without a number.
	PublishedAt time.Time `json:"-"`
}

// ReportConfig configures an assistant's weekly and monthly reports.
type ReportConfig struct {
	Scheduled bool `json:"scheduled,omitempty"` // both are made without being asked for, at 08:00 in its time zone
}

// AnalysisConfig configures the analysis of an assistant's calls.
type AnalysisConfig struct {
	Schema json.RawMessage `json:"schema,omitempty"` // JSON Schema of an object: the data to extract
}

// VoiceMode is how a phone call reaches the assistant.
type VoiceMode string

// The modes.
const (
	VoiceModeStream VoiceMode = "stream" // by a voice server, which Twilio sends the audio
	VoiceModeRelay  VoiceMode = "relay"  // by Twilio's ConversationRelay
)

// RecordingSettings configure the recording of an assistant's phone calls.
type RecordingSettings struct {
	Enabled bool `json:"enabled,omitempty"`
	// Notice is spoken before the recording begins. Empty means a default sentence.
	Notice string `json:"notice,omitempty"`
}

// CallControlAurora is the value of Assistant.CallControl that makes Aurora act through Twilio.
const CallControlAurora = "aurora"

// ModelRef names a model and the server that runs it.
type ModelRef struct {
	Model   string `json:"model"`
	BaseURL string `json:"baseUrl,omitempty"` // the URL before /chat/completions; empty means OpenAI's
	Secret  string `json:"secret,omitempty"`  // the name of the tool secret with its API key; empty means the deployment's key
}

// HTTPTool is a tool that is called by an HTTP POST.
type HTTPTool struct {
	Name        string          `json:"name"`
	Description string          `json:"description"`
	Parameters  json.RawMessage `json:"parameters,omitempty"` // JSON Schema of an object
	URL         string          `json:"url"`
	Secret      string          `json:"secret,omitempty"` // the name of a tool secret, sent as a bearer token
	// SigningSecret is the name of a tool secret with which requests are signed. It is not sent.
	SigningSecret string `json:"signingSecret,omitempty"`
	TimeoutMs     int    `json:"timeoutMs,omitempty"` // 0 means 5000
	Filler        string `json:"filler,omitempty"`    // said on the phone while it takes long
}

// MCPServer is a server of the Model Context Protocol that is reached by streamable HTTP.
type MCPServer struct {
	URL    string `json:"url"`
	Secret string `json:"secret,omitempty"` // the name of a tool secret, sent as a bearer token
}

// SMSSettings configure an assistant's text messages.
type SMSSettings struct {
	MaxCharacters int `json:"maxCharacters,omitempty"` // 0 means DefaultSMSCharacters
	// MessagingServiceSID is Twilio's messaging service whose messages the assistant answers, whichever of its numbers they come to.
	MessagingServiceSID string `json:"messagingServiceSid,omitempty"`
}

// Destination is a number or address to which a call may be transferred.
type Destination struct {
	Name        string `json:"name,omitempty"`        // by which the model and the provider name it
	Description string `json:"description,omitempty"` // tells the model when to use it
	Number      string `json:"number,omitempty"`      // E.164
	Extension   string `json:"extension,omitempty"`
	SIPURI      string `json:"sipUri,omitempty"`
	Message     string `json:"message,omitempty"` // spoken before the transfer
}

// ID returns the assistant's id.
func (a *Assistant) ID() string { return string(a.AssistantID) }

// FirstTokenTimeout returns FirstTokenTimeoutMs as a duration.
func (a *Assistant) FirstTokenTimeout() time.Duration {
	return time.Duration(a.FirstTokenTimeoutMs) * time.Millisecond
}

// DefaultSMSCharacters is the length limit of a text message: about two segments of 160 characters.
const DefaultSMSCharacters = 320

// SMSLimit returns how many characters the assistant's text messages may have.
func (a *Assistant) SMSLimit() int {
	if n := a.SMS.MaxCharacters; n > 0 {
		return n
	}
	return DefaultSMSCharacters
}

// TextKey returns what the assistant is found by when a text message comes to another address than its assistantPhoneNumber: its
// messaging service, or else its textFromNumber. It is empty if it has neither.
func (a *Assistant) TextKey() string {
	if a.SMS.MessagingServiceSID != "" {
		return a.SMS.MessagingServiceSID
	}
	own, _ := ParsePhone(string(a.AssistantPhoneNumber))
	if p, ok := ParsePhone(string(a.TextFromNumber)); ok && p != own {
		return string(p)
	}
	return ""
}

// Location returns the assistant's time zone; UTC if it has none or an unknown one.
func (c *Configuration) Location() *time.Location {
	if l, err := time.LoadLocation(string(c.TimeZone)); err == nil {
		return l
	}
	return time.UTC
}

// Numbers returns the assistant's own numbers that can be written in E.164, each once.
func (c *Configuration) Numbers() []Phone {
	var own []Phone
	for _, s := range append([]string{string(c.AssistantPhoneNumber)}, c.PhoneNumbers...) {
		if p, ok := ParsePhone(s); ok && !slices.Contains(own, p) {
			own = append(own, p)
		}
	}
	return own
}

// ParseAssistant reads a stored assistant. Types are read leniently; an assistant without an id is an error.
func ParseAssistant(b []byte) (Assistant, error) {
	var a Assistant
	if err := json.Unmarshal(b, &a); err != nil {
		return Assistant{}, fmt.Errorf("read assistant: %w", err)
	}
	if a.AssistantID == "" {
		return Assistant{}, fmt.Errorf("read assistant: it has no assistantId")
	}
	return a, nil
}

// IsSafeID reports whether an id can stand in a key of a store as it is: 1 to 64 ASCII letters, digits, _ and -.
func IsSafeID(id string) bool {
	if id == "" || len(id) > 64 {
		return false
	}
	for i := range len(id) {
		switch c := id[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '_', c == '-':
		default:
			return false
		}
	}
	return true
}
