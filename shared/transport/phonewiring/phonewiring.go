// Package phonewiring builds the functions that carry phone calls over ConversationRelay from their settings.
package phonewiring

import (
	"crypto/rand"
	"time"

	"example.com/aurora/shared/adapter/apigateway"
	"example.com/aurora/shared/adapter/dynamo"
	"example.com/aurora/shared/adapter/sqs"
	"example.com/aurora/shared/transport/chatwiring"
	"example.com/aurora/shared/transport/lambdaapp"
	"example.com/aurora/shared/transport/modelwiring"
	"example.com/aurora/shared/transport/phoneturn"
	"example.com/aurora/shared/transport/relayapi"
	"example.com/aurora/shared/usecase/phonecall"
)

// Settings holds what the conversation of a phone call needs.
type Settings struct {
	chat        chatwiring.ServiceSettings
	relayAPIURL string // https://, of the WebSocket API's stage
	tasksURL    string
}

// ReadSettings reads the settings of a function that carries conversations.
func ReadSettings(s *lambdaapp.Settings) Settings {
	return Settings{chat: chatwiring.ReadServiceSettings(s), relayAPIURL: s.Required("RELAY_API_URL"), tasksURL: s.Required("PHONE_TASKS_QUEUE_URL")}
}

// NewEngine returns the engine of conversations, and the connections that its first turn needs.
func (s Settings) NewEngine() (*phonecall.Engine, []lambdaapp.Connection) {
	phone, secret := s.chat.Tools().Twilio()
	service, connections := s.chat.NewService(modelwiring.VoiceTiming, secret)
	kit := s.chat.Tools().NewKit()
	kit.Control = nil // the engine ends its calls itself, once the last words were spoken
	service.Tools = kit
	calls := dynamo.NewPhoneCalls(lambdaapp.AWSConfig, s.chat.Tools().LedgerTable, time.Now, rand.Text)
	return &phonecall.Engine{
		Store:        calls,
		Sender:       relayapi.Sender{Connections: apigateway.New(lambdaapp.AWSConfig, s.relayAPIURL)},
		Tasks:        sqs.NewPhoneTasks(lambdaapp.AWSConfig, s.tasksURL),
		Conversation: &phoneturn.Conversation{Service: service},
		Account:      phone.AccountSID,
		Count:        lambdaapp.Count,
		Now:          time.Now,
		NewID:        rand.Text,
	}, append(connections, calls.Open)
}

// NewHandler returns the handler of the WebSocket API, and the connections that its first event needs.
func NewHandler(s *lambdaapp.Settings) (*relayapi.Handler, []lambdaapp.Connection) {
	relayURL := s.Required("VOICE_RELAY_URL")
	settings := ReadSettings(s)
	engine, connections := settings.NewEngine()
	phone, _ := settings.chat.Tools().Twilio()
	return &relayapi.Handler{Engine: engine, Verifier: phone, RelayURL: relayURL, Now: time.Now}, connections
}
