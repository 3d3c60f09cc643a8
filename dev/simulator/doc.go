// The simulator is the Propensity API as a real HTTP server, with faults to order. It keeps the two documented promises
// (POST /create_contact_audience and POST /create_account_audience), remembers every request and every audience, and
// can be told at run time to lose answers, send garbage, drop connections or refuse. Where the real API is not
// documented, the simulator takes the strict side, so that a client which pleases it assumes nothing.
//
// # Start it
//
//	go run ./simulator --listen 127.0.0.1:8080 --key demo-key
//	go run ./simulator --key demo-key --log /tmp/sim.jsonl --delay 20ms --hold stdin
//
// One line of JSON on stdout says where it listens; everything else goes to stderr. Open that URL in a browser to
// watch. With --hold stdin it ends when its stdin does, which is how a test makes sure that it never outlives it.
// With --log it goes on from what the file already holds, so it can be killed and started again like a real service.
//
// # Create audiences
//
//	curl -X POST localhost:8080/create_account_audience -H 'workspace_api_key: demo-key' \
//	  -H 'Content-Type: text/html' -d '{"accounts":[{"website":"example.com"}]}'
//	curl -X POST localhost:8080/create_contact_audience -H 'workspace_api_key: demo-key' \
//	  -H 'Content-Type: text/html' \
//	  -d '{"contacts":[{"first_name":"Ada","last_name":"Lovelace","company_name":"Analytical Engines"}]}'
//
// # Order faults
//
// A fault applies to POSTs on the two endpoints, in the order the faults were given; a fault sees only the requests that
// no earlier fault took. It is picked when the headers arrive, before the key is looked at, as a proxy in between would.
// Only a valid request with an accepted key is ever stored.
//
//	curl localhost:8080/_sim/faults -d '{"fault":"storeThenStatus","status":503,"times":1}'
//	curl localhost:8080/_sim/faults -d '[{"endpoint":"contacts","fault":"closeAfterStoring","after":2,"times":1},
//	  {"fault":"rateLimited","retryAfter":5,"times":3}]'
//	curl localhost:8080/_sim/faults            # what is active
//	curl -X DELETE localhost:8080/_sim/faults  # none any more (or ?id=3 for one of them)
//
// Every fault takes endpoint (contacts, accounts or any), times (0: until removed), after (let so many pass first) and
// delayMs (wait before answering; for slow and endless the pause between two writes).
//
//	fault               also takes                            what it does
//	delay               store                                 answers normally, after delayMs
//	slow                store                                 answers normally, a byte each delayMs (50)
//	oversized           store sizeBytes status                a valid answer of sizeBytes (8 MiB)
//	echo                store status                          an answer whose message repeats the key and the body
//	hold                store status                          answers when POST /_sim/release says so
//	status              store status* body headers            any status; nothing is stored
//	storeThenStatus     status* body headers                  stores, then any status
//	errorTrue           store message                         200 with error:true
//	garbage             store status body                     200 that is not JSON
//	empty               store status                          200 without a body
//	truncated           store status body                     a Content-Length larger than what is sent, then a close
//	endless             store status                          a body that never ends
//	rateLimited         store status retryAfter message       429, with Retry-After in seconds or as a date
//	redirect            store status location                 307 by default
//	closeBeforeReading                                        resets the connection, the body unread
//	closeAfterStoring   reset                                 stores, then closes without an answer (reset: by RST)
//
// The first four answer truthfully, so they store a valid request unless store is false or their status isn't 2xx. A hold
// stores before holding with store true, on release with store absent (if it then answers 2xx and the client is still
// there), never with store false. The others store only with store true.
//
// # Look and steer
//
//	curl localhost:8080/_sim/state             # counts, duplicates, faults, limit
//	curl localhost:8080/_sim/audiences         # all that was stored, with members
//	curl localhost:8080/_sim/requests          # all that came, each with its answer (?members=true: with members)
//	curl 'localhost:8080/_sim/log?since=12'    # all lines after number 12, in order (&waitMs=5000: wait for one)
//	curl 'localhost:8080/_sim/held?atLeast=1&waitMs=5000'
//	curl -X POST localhost:8080/_sim/release   # or -d '{"status":503}'
//	curl localhost:8080/_sim/keys -d '{"keys":["new-key"]}'
//	curl localhost:8080/_sim/limit -d '{"requestsPerMinute":60,"burst":5,"retryAfter":true}'
//	curl localhost:8080/_sim/delay -d '{"delayMs":20}'
//	curl -X POST localhost:8080/_sim/reset     # no faults, no limit, first delay; the log stays
//
// # The log
//
// Lines of three types share one numbering. A request line is written when its body has been read (or could not be), an
// audience line when it is stored, an answer line right before the answer goes out; each with one write. So whatever is
// killed, the file says what had happened. A key is only ever written as a short hash. Header names are listed in lower
// case, as HTTP compares them. Requests that net/http itself refuses as malformed never reach the log.
package main
