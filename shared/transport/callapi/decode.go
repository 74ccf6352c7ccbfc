package callapi

import (
	"encoding/json"

	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/usecase/outbound"
)

// object is a JSON object whose values are not decoded yet.
type object map[string]json.RawMessage

// decodeRequest reads the fields of a route's body. A field of the wrong type is no error here: the request notes it, so
// that the use case reports errors in the order of the fields.
func decodeRequest(route string, fields object, assistantID string) (outbound.Request, error) {
	r := outbound.Request{Route: route, AssistantID: assistantID}
	ok := map[outbound.Field]bool{outbound.FieldAssistantID: true}
	if route == outbound.RouteUAT {
		r.FieldPrefix = "client."
		r.AssistantID, ok[outbound.FieldAssistantID] = fields.text("assistantId")
		var client object
		if raw := fields["client"]; len(raw) == 0 || raw[0] != '{' || json.Unmarshal(raw, &client) != nil {
			return r, fault.New(fault.Invalid, "client must be an object with phoneNumber and name.").WithParam("client")
		}
		fields = client
	}
	r.PhoneNumber, _ = fields.text("phoneNumber") // of the wrong type it is empty, and no phone number
	r.Name, ok[outbound.FieldName] = fields.text("name")
	r.Email, ok[outbound.FieldEmail] = fields.text("email")
	r.Info, ok[outbound.FieldInfo] = fields.text("info")
	for _, f := range []outbound.Field{outbound.FieldName, outbound.FieldEmail, outbound.FieldInfo, outbound.FieldAssistantID} {
		if !ok[f] {
			r.WrongType = f
			break
		}
	}
	if route == outbound.RouteUAT {
		r.Info = "" // this route takes no info, the other one no e-mail address
	} else {
		r.Email = ""
	}
	return r, nil
}

// text returns a string field, "" if it is missing or null. It is not ok if the value has another type.
func (o object) text(name string) (s string, ok bool) {
	raw, found := o[name]
	if !found || string(raw) == "null" {
		return "", true
	}
	if raw[0] != '"' || json.Unmarshal(raw, &s) != nil {
		return "", false
	}
	return s, true
}
