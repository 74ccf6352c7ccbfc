package emulator

import (
	"encoding/json"
	"path/filepath"
	"strconv"
	"strings"

	"example.com/aurora/shared/transport/lambdaapp"
)

// lookupEnv returns a variable from a list such as os.Environ's. An empty variable counts as not set.
func lookupEnv(list []string, name string) string {
	value := ""
	for _, entry := range list {
		if n, v, found := strings.Cut(entry, "="); found && n == name {
			value = v
		}
	}
	return value
}

// services are the AWS services with their own endpoint: the name in run.json, and the variable that names a real one.
var services = []struct{ name, variable string }{
	{"dynamodb", "AWS_ENDPOINT_URL_DYNAMODB"}, {"s3", "AWS_ENDPOINT_URL_S3"}, {"sqs", "AWS_ENDPOINT_URL_SQS"},
	{"ses", "AWS_ENDPOINT_URL_SESV2"}, {"secretsmanager", "AWS_ENDPOINT_URL_SECRETS_MANAGER"},
}

// awsCredentials returns the credentials for the functions: dummies, or those of the given environment if a service is real.
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

// localSender is the sender of mails if MAIL_FROM is not set and SES is fake.
const localSender = "aurora@aurora.example.com"

// The account of the fake Twilio, and the token that signs its callbacks. twilio-go accepts only letters and digits.
const (
	TwilioAccountSID = "AC00000000000000000000000000000000"
	TwilioAuthToken  = "standin"
)

// twilioLogin is the value of the secret that ends in /twilio.
type twilioLogin struct {
	SID   string `json:"accountSid"`
	Token string `json:"authToken"`
}

// twilioLoginFrom returns the account of the environment if it has both id and token (given is true), else the fake's.
func twilioLoginFrom(environment []string) (login twilioLogin, given bool) {
	login = twilioLogin{lookupEnv(environment, "TWILIO_ACCOUNT_SID"), lookupEnv(environment, "TWILIO_AUTH_TOKEN")}
	if login.SID != "" && login.Token != "" {
		return login, true
	}
	return twilioLogin{TwilioAccountSID, TwilioAuthToken}, false
}

// runSecrets returns the secrets whose values come from the environment, by the last part of their names.
func runSecrets(environment []string) map[string]string {
	key := lookupEnv(environment, "OPENAI_API_KEY")
	if key == "" {
		key = "stand-in"
	}
	twilio, _ := twilioLoginFrom(environment)
	b, _ := json.Marshal(twilio) // encoding strings cannot fail
	return map[string]string{"openai": key, "twilio": string(b)}
}

// functionVariables returns the variables of a function: the template's, the services' addresses, and the variables set in
// the environment at the start, which override the template's.
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
	// @connections is asked here. The wss:// address stays what Twilio would be told, and signs; run.json has the local one.
	for host, address := range s.socketHosts {
		for name, v := range out {
			out[name] = strings.ReplaceAll(v, "https://"+host, "http://"+address)
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
	if countries, asked := out["ALLOWED_COUNTRIES"]; asked && countries == "" {
		out["ALLOWED_COUNTRIES"] = "*" // the fake Twilio calls no telephone
	}
	if public, asked := out["PUBLIC_URL"]; asked && public == "" {
		out["PUBLIC_URL"] = s.info.API // a function URL's own host takes no callbacks
	}
	// The fake Twilio's few callers may call as often as a test likes.
	for _, limit := range []string{"LIMIT_INCOMING_CALLER_PER_MINUTE", "LIMIT_INCOMING_ASSISTANT_PER_MINUTE"} {
		if _, asked := out[limit]; asked && lookupEnv(s.options.Environ, limit) == "" {
			out[limit] = "1000000"
		}
	}
	out["ALLOW_LOOPBACK_MODELS"] = "true"
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

// functionEnvironment returns the whole environment of a function: what Lambda sets, and nothing else.
func (s *Stack) functionEnvironment(f *functionPlan, folder string) []string {
	vars := s.functionVariables(f)
	for name, value := range map[string]string{
		"AWS_LAMBDA_FUNCTION_NAME": f.name, "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": strconv.Itoa(f.memory),
		"AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/" + f.name, "AWS_LAMBDA_LOG_STREAM_NAME": "local", "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
		"AWS_EXECUTION_ENV": "AWS_Lambda_provided.al2023", "_HANDLER": "bootstrap", "LAMBDA_TASK_ROOT": folder, "LAMBDA_RUNTIME_DIR": folder,
		// The AWS profile of the user who started the stack must not change what the SDK does.
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

// Program returns a function's program and its environment without AWS_LAMBDA_RUNTIME_API. ok is false if no function has
// this folder.
func (s *Stack) Program(folder string) (program string, environment []string, ok bool) {
	for _, f := range s.plan.functions {
		if f.folder == folder {
			in := filepath.Join(s.bin, folder)
			return filepath.Join(in, "bootstrap"), s.functionEnvironment(f, in), true
		}
	}
	return "", nil, false
}

// Functions returns the folders of all functions, in the template's order.
func (s *Stack) Functions() []string {
	var folders []string
	for _, f := range s.plan.functions {
		folders = append(folders, f.folder)
	}
	return folders
}

// BatchLimits returns how many processes of a function may work on batches of its first queue at once, and how many
// messages a batch has. Both are 0 for a function without a queue.
func (s *Stack) BatchLimits(folder string) (processes, messages int) {
	for _, f := range s.plan.functions {
		if f.folder == folder && len(f.sources) > 0 {
			return f.sources[0].concurrency, f.sources[0].batch
		}
	}
	return 0, 0
}
