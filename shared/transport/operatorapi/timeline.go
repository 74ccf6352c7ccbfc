package operatorapi

import (
	"net/http"

	"example.com/aurora/shared/core/auth"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/transport/web"
	"example.com/aurora/shared/usecase/timeline"
)

// RegisterTimeline adds the route that tells what happened in a call.
func RegisterTimeline(s *Shell, service *timeline.Service) {
	s.Add(Route{Method: http.MethodGet, Path: "/api/v1/calls/{callId}/timeline", Right: auth.RightView, Handler: showTimeline(service)})
}

// maxCallID is the length of the longest id of a call, in bytes.
const maxCallID = 256

func showTimeline(service *timeline.Service) web.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) error {
		id := r.PathValue("callId")
		if len(id) > maxCallID {
			return fault.Newf(fault.Invalid, "callId must have at most %d bytes.", maxCallID).WithCode("invalid_call_id").WithParam("callId")
		}
		principal := web.PrincipalOf(r)
		found, err := service.Find(r.Context(), id, func(assistantID string) bool { return principal.CheckAssistant(assistantID) == nil })
		if err != nil {
			return err
		}
		return web.WriteJSON(w, http.StatusOK, found)
	}
}
