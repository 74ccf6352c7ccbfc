// Package operatorapi is the HTTP side of the operators' API: the routes /api/v1/session, /api/v1/assistants and so on, for owners
// of assistants, engineers on call, and a console in a browser.
//
// A Shell does what every route needs: it authenticates the operator, refuses cross-site requests with a cookie, and checks the
// right of the route. A group of routes has one file here, with one function that adds the routes to a shell:
//
//	func RegisterVersions(s *Shell, service *versions.Service) {
//		s.Add(
//			Route{Method: http.MethodGet, Path: "/api/v1/assistants", Right: auth.RightView, Handler: listAssistants(service)},
//			Route{Method: http.MethodPut, Path: "/api/v1/assistants/{id}/draft", Right: auth.RightEdit, Changes: true, Handler: saveDraft(service)},
//		)
//	}
//
// A handler gets the operator from web.PrincipalOf, and who to name in the audit from ActorOf. A route with an assistant's id in
// {id} needs no check of its own that the operator may reach the assistant: the shell makes it. A handler checks every assistant
// that it finds in another way (Principal.CheckAssistant), also each row of a list.
//
// # Decisions
//
// The function authenticates every request itself, although the authorizer in front has done so by the same code. It needs the
// session for the renewal of its cookie, and no mistake in the template can open a route.
//
// Cross-site requests with a cookie are refused for every method, not only for those that change something: the opening of a
// transcript is written to the audit, and no other site has a reason to send a request. A request with a key in its header cannot
// come from another site, because a browser asks first (CORS), and no operators' route answers that question.
//
// POST /api/v1/session needs no cookie and is checked too, so that no other site can log a browser in with a key of its own.
package operatorapi
