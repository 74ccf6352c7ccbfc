package aurora

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// Configuration is what a voice provider may know of an assistant: the 19 keys of the API document's
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

// Assistant is a stored assistant: the document's configuration, and what only we know of it.
type Assistant struct {
	Configuration
	// Internal assistants get their reports with the internal report.
	Internal bool `json:"internal,omitempty"`
	// Temperature is used where the request names none; nil leaves it to the model. 0 to 2.
	Temperature *float64 `json:"temperature,omitempty"`
	// TransferDestinations are the only numbers and addresses a call may be transferred to.
	TransferDestinations []Destination `json:"transferDestinations,omitempty"`
	// Handoffs are the ids of the assistants this one may hand a conversation to.
	Handoffs List `json:"handoffs,omitempty"`
	// Vapi is answered to an assistant-request in Vapi's own shape, as it is.
	Vapi json.RawMessage `json:"vapi,omitempty"`
	// Models are asked in order until one answers; empty is the deployment's.
	Models []ModelRef `json:"models,omitempty"`
	// Tools are HTTP services that the assistant may call.
	Tools []HTTPTool `json:"tools,omitempty"`
	// MCPServers are servers of the Model Context Protocol whose tools the assistant may call.
	MCPServers []MCPServer `json:"mcpServers,omitempty"`
	// CallControl is "aurora" where Aurora itself transfers and ends calls, through Twilio; otherwise the voice server
	// is told to.
	CallControl string `json:"callControl,omitempty"`
	// FallbackMessage is said where the model fails on the phone or by SMS.
	FallbackMessage string `json:"fallbackMessage,omitempty"`
	// Filler is said on the phone while a tool or the first word takes long; empty is a phrase of ours, "-" is none.
	Filler string `json:"filler,omitempty"`
	// SMS shapes its text messages.
	SMS SMSSettings `json:"sms,omitzero"`
	// Report says whether and how the assistant's reports are made.
	Report ReportConfig `json:"report,omitzero"`
	// Analysis says what to find out about its calls.
	Analysis AnalysisConfig `json:"analysis,omitzero"`
	// Language is what the assistant speaks, a BCP 47 tag such as es; empty leaves it to its prompt.
	Language string `json:"language,omitempty"`
}

// ReportConfig is an assistant's wish for reports.
type ReportConfig struct {
	Scheduled bool `json:"scheduled,omitempty"` // weekly and monthly, at 08:00 in its zone
}

// AnalysisConfig is an assistant's wish for what is found out about each of its calls.
type AnalysisConfig struct {
	Schema json.RawMessage `json:"schema,omitempty"` // JSON Schema of an object: the data to extract
}

// CallControlAurora is the CallControl that makes Aurora act through Twilio.
const CallControlAurora = "aurora"

// ModelRef is a model, and the server that has it.
type ModelRef struct {
	Model   string `json:"model"`
	BaseURL string `json:"baseUrl,omitempty"` // the address above /chat/completions; empty is OpenAI's
	Secret  string `json:"secret,omitempty"`  // the name of a tool secret that holds its key; empty is the deployment's
}

// HTTPTool is a tool that is called by POST.
type HTTPTool struct {
	Name        string          `json:"name"`
	Description string          `json:"description"`
	Parameters  json.RawMessage `json:"parameters,omitempty"` // JSON Schema of an object
	URL         string          `json:"url"`
	Secret      string          `json:"secret,omitempty"`    // the name of a tool secret, sent as a bearer token
	TimeoutMs   int             `json:"timeoutMs,omitempty"` // 5000 where 0
	Filler      string          `json:"filler,omitempty"`    // said on the phone while it takes long
}

// MCPServer is a server of the Model Context Protocol, over streamable HTTP.
type MCPServer struct {
	URL    string `json:"url"`
	Secret string `json:"secret,omitempty"` // the name of a tool secret, sent as a bearer token
}

// SMSSettings shape an assistant's text messages.
type SMSSettings struct {
	MaxCharacters int `json:"maxCharacters,omitempty"` // 0 means DefaultSMSCharacters
}

// Destination is somewhere a call may be transferred to.
type Destination struct {
	Name        string `json:"name,omitempty"`        // how the assistant and the provider ask for it
	Description string `json:"description,omitempty"` // when to use it, told to the model
	Number      string `json:"number,omitempty"`      // E.164
	Extension   string `json:"extension,omitempty"`
	SIPURI      string `json:"sipUri,omitempty"`
	Message     string `json:"message,omitempty"` // spoken before the transfer
}

// ID is the assistant's id.
func (a *Assistant) ID() string { return string(a.AssistantID) }

// DefaultSMSCharacters is the length limit of a text message: about two segments of 160 characters.
const DefaultSMSCharacters = 320

// SMSLimit returns how many characters the assistant's text messages may have.
func (a *Assistant) SMSLimit() int {
	if n := a.SMS.MaxCharacters; n > 0 {
		return n
	}
	return DefaultSMSCharacters
}

// Location is the assistant's time zone, UTC where it has none or an unknown one.
func (c *Configuration) Location() *time.Location {
	if l, err := time.LoadLocation(string(c.TimeZone)); err == nil {
		return l
	}
	return time.UTC
}

// Numbers are the assistant's own numbers that can be written in E.164, each once.
func (c *Configuration) Numbers() []Phone {
	var own []Phone
	for _, s := range append([]string{string(c.AssistantPhoneNumber)}, c.PhoneNumbers...) {
		if p, ok := ParsePhone(s); ok && !slices.Contains(own, p) {
			own = append(own, p)
		}
	}
	return own
}

// ParseAssistant reads a stored assistant. It is lenient in types and strict in that there must be an id.
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

// IsSafeID reports whether an id can stand in a store's key as it is: 1 to 64 ASCII letters, digits, _ and -.
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
