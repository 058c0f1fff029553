package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// admitted says whether a request may go on; else it has answered it with what
// the registry asks for.
func (i *internet) admitted(w http.ResponseWriter, r *http.Request, host Host, name string) bool {
	if host.Realm == "" {
		return true
	}
	if host.Realm == "basic" {
		if i.known(r.BasicAuth()) {
			return true
		}
		w.Header().Set("Www-Authenticate", `Basic realm="corp"`)
		refuse(w, 401, "UNAUTHORIZED", "authentication required")
		return false
	}
	scopes, ok := scopesOf(r.Header.Get("Authorization"))
	if ok && (name == "" || strings.Contains(scopes, "repository:"+name+":")) {
		// What nobody published is "denied" there, as is what others keep private.
		if name == "" || i.content.published[host.Serves][name] != nil {
			return true
		}
		ok = false
	}
	challenge := fmt.Sprintf(`Bearer realm="%s",service="%s"`, host.Realm, host.Service)
	if name != "" {
		challenge += fmt.Sprintf(`,scope="repository:%s:pull"`, name)
	}
	if strings.HasPrefix(r.Header.Get("Authorization"), "Bearer ") {
		challenge += `,error="insufficient_scope"`
	}
	w.Header().Set("Www-Authenticate", challenge)
	refuse(w, 401, "UNAUTHORIZED", "authentication required")
	return false
}

// giveToken is a token service: each scope is given that the account may have.
func (i *internet) giveToken(w http.ResponseWriter, r *http.Request, host Host) {
	user, password, named := r.BasicAuth()
	scopes := strings.Fields(strings.Join(r.URL.Query()["scope"], " "))
	if r.Method == http.MethodPost {
		if err := r.ParseForm(); err != nil {
			refuse(w, 400, "UNKNOWN", err.Error())
			return
		}
		user, password, named = r.PostForm.Get("username"), r.PostForm.Get("password"), true
		scopes = strings.Fields(strings.Join(r.PostForm["scope"], " "))
	}
	if named && !i.known(user, password, true) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(401)
		json.NewEncoder(w).Encode(map[string]string{"details": "incorrect username or password"})
		return
	}
	given := []string{}
	for _, scope := range scopes {
		if named || !isPrivate(host, scope) {
			given = append(given, scope)
		}
	}
	token := "T" + base64.RawURLEncoding.EncodeToString([]byte(strings.Join(given, " ")))
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(map[string]any{
		"token": token, "access_token": token, "expires_in": 300,
		"issued_at": time.Now().UTC().Format(time.RFC3339),
	})
}

func (i *internet) known(user, password string, ok bool) bool {
	expected, exists := i.config.Accounts[user]
	return ok && exists && expected == password
}

func isPrivate(host Host, scope string) bool {
	for _, start := range host.Private {
		if strings.HasPrefix(scope, "repository:"+start) {
			return true
		}
	}
	return false
}

func scopesOf(header string) (string, bool) {
	token, ok := strings.CutPrefix(header, "Bearer T")
	if !ok {
		return "", false
	}
	scopes, err := base64.RawURLEncoding.DecodeString(token)
	return string(scopes), err == nil
}
