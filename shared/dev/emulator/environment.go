package emulator

import (
	"encoding/json"
	"path/filepath"
	"strconv"
	"strings"

	"example.com/aurora/shared/transport/lambdaapp"
)

// lookupEnv looks a variable up in a list as os.Environ gives it; one that is empty counts as not set.
func lookupEnv(list []string, name string) string {
	value := ""
	for _, entry := range list {
		if n, v, found := strings.Cut(entry, "="); found && n == name {
			value = v
		}
	}
	return value
}

// services are those with an address of their own, by the name in run.json and in the environment.
var services = []struct{ name, variable string }{
	{"dynamodb", "AWS_ENDPOINT_URL_DYNAMODB"}, {"s3", "AWS_ENDPOINT_URL_S3"}, {"sqs", "AWS_ENDPOINT_URL_SQS"},
	{"ses", "AWS_ENDPOINT_URL_SESV2"}, {"secretsmanager", "AWS_ENDPOINT_URL_SECRETS_MANAGER"},
}

// awsCredentials are dummies, unless some service is a real one: then they are those of whoever started the stack.
func awsCredentials(given []string) map[string]string {
	for _, s := range services {
		if lookupEnv(given, s.variable) == "" || lookupEnv(given, "AWS_ACCESS_KEY_ID") == "" {
			continue
		}
		out := map[string]string{}
		for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"} {
			if v := lookupEnv(given, name); v != "" {
				out[name] = v
			}
		}
		return out
	}
	return map[string]string{"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}
}

// localSender sends the mails of a stack that has no sender and no real mail service.
const localSender = "aurora@aurora.example.com"

// localVoiceURL is the voice server that calls of a stack without one are connected to: nobody is there, and the telephone
// provider's stand-in does not look.
const localVoiceURL = "wss://voice.example.com/stream"

// The account that Twilio's stand-in has, and the token that signs its callbacks; letters and digits, since twilio-go
// refuses others.
const (
	TwilioAccountSID = "AC00000000000000000000000000000000"
	TwilioAuthToken  = "standin"
)

// twilioLogin is who sends text messages: what the secret that ends in /twilio holds.
type twilioLogin struct {
	SID   string `json:"accountSid"`
	Token string `json:"authToken"`
}

// twilioLoginFrom is the real one where both its name and its password are given, or else the stand-in's.
func twilioLoginFrom(environment []string) (login twilioLogin, given bool) {
	login = twilioLogin{lookupEnv(environment, "TWILIO_ACCOUNT_SID"), lookupEnv(environment, "TWILIO_AUTH_TOKEN")}
	if login.SID != "" && login.Token != "" {
		return login, true
	}
	return twilioLogin{TwilioAccountSID, TwilioAuthToken}, false
}

// runSecrets are the secrets of a run, by the last part of their names.
func runSecrets(environment []string) map[string]string {
	key := lookupEnv(environment, "OPENAI_API_KEY")
	if key == "" {
		key = "stand-in"
	}
	twilio, _ := twilioLoginFrom(environment)
	b, _ := json.Marshal(twilio) // strings always encode
	return map[string]string{"openai": key, "twilio": string(b)}
}

// functionVariables are those that a function is given to work with: the template's, the services' addresses, and what was
// set when the stack started.
func (s *Stack) functionVariables(f *functionPlan) map[string]string {
	out := map[string]string{}
	for name, v := range f.environment {
		if r := s.template.resolve(v); r != (noValue{}) {
			out[name] = toString(r)
		}
		if v := lookupEnv(s.options.Environ, name); v != "" {
			out[name] = v
		}
	}
	for _, service := range services {
		if address := s.info.Endpoints[service.name]; address != "" {
			out[service.variable] = address
		}
	}
	if lookupEnv(s.options.Environ, "OPENAI_API_KEY") == "" && s.info.Endpoints["openai"] != "" {
		out["OPENAI_BASE_URL"] = s.info.Endpoints["openai"]
	}
	if _, given := twilioLoginFrom(s.options.Environ); !given && s.info.Endpoints["twilio"] != "" {
		out["TWILIO_BASE_URL"] = s.info.Endpoints["twilio"]
	}
	if from, asked := out["MAIL_FROM"]; asked && from == "" && s.info.Mail != "" {
		out["MAIL_FROM"] = localSender
	}
	if public, asked := out["PUBLIC_URL"]; asked && public == "" {
		out["PUBLIC_URL"] = s.info.API // a function URL's own host takes no callbacks
	}
	// With a real account somebody's telephone would ring, and be connected with nobody.
	if _, given := twilioLoginFrom(s.options.Environ); !given {
		if stream, asked := out["VOICE_STREAM_URL"]; asked && stream == "" {
			out["VOICE_STREAM_URL"] = localVoiceURL
		}
	}
	for _, entry := range s.options.Environ {
		if name, value, _ := strings.Cut(entry, "="); lambdaapp.IsLocalOnly(name) && value != "" {
			out[name] = value
		}
	}
	for name, value := range awsCredentials(s.options.Environ) {
		out[name] = value
	}
	out["AWS_REGION"], out["AWS_DEFAULT_REGION"] = region, region
	return out
}

// functionEnvironment is a function's whole environment, as Lambda gives it and no more.
func (s *Stack) functionEnvironment(f *functionPlan, folder string) []string {
	vars := s.functionVariables(f)
	for name, value := range map[string]string{
		"AWS_LAMBDA_FUNCTION_NAME": f.name, "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": strconv.Itoa(f.memory),
		"AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/" + f.name, "AWS_LAMBDA_LOG_STREAM_NAME": "local", "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
		"AWS_EXECUTION_ENV": "AWS_Lambda_provided.al2023", "_HANDLER": "bootstrap", "LAMBDA_TASK_ROOT": folder, "LAMBDA_RUNTIME_DIR": folder,
		// No profile of whoever started the stack must change what the SDK does.
		"AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null", "AWS_EC2_METADATA_DISABLED": "true",
		"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": folder, "TZ": ":UTC", "LANG": "en_US.UTF-8",
	} {
		vars[name] = value
	}
	for _, name := range []string{"GODEBUG", "GOCOVERDIR", "TMPDIR"} {
		if v := lookupEnv(s.options.Environ, name); v != "" {
			vars[name] = v
		}
	}
	out := make([]string, 0, len(vars))
	for _, name := range sortedKeys(vars) {
		out = append(out, name+"="+vars[name])
	}
	return out
}

// Program is a function's program and the environment that it runs in, the runtime API's address apart; ok is false for
// a folder that is no function's.
func (s *Stack) Program(folder string) (program string, environment []string, ok bool) {
	for _, f := range s.plan.functions {
		if f.folder == folder {
			in := filepath.Join(s.bin, folder)
			return filepath.Join(in, "bootstrap"), s.functionEnvironment(f, in), true
		}
	}
	return "", nil, false
}

// Functions are the folders of all functions, in the template's order.
func (s *Stack) Functions() []string {
	var folders []string
	for _, f := range s.plan.functions {
		folders = append(folders, f.folder)
	}
	return folders
}

// BatchLimits is how many processes of a function may work on batches of its first queue at once, and how many messages a
// batch has; 0 for a function without a queue.
func (s *Stack) BatchLimits(folder string) (processes, messages int) {
	for _, f := range s.plan.functions {
		if f.folder == folder && len(f.sources) > 0 {
			return f.sources[0].concurrency, f.sources[0].batch
		}
	}
	return 0, 0
}
