// The simulator is the Propensity API as a real HTTP server, with faults to order. It keeps the two documented promises
// (POST /create_contact_audience and POST /create_account_audience), serves reports, remembers every request and every
// audience, and can be told at run time to lose answers, send garbage, drop connections or refuse. Where the real API is
// not documented, the simulator takes the strict side, so that a client which pleases it assumes nothing.
//
// # Start it
//
//	go run ./simulator --listen 127.0.0.1:8080 --key demo-key
//	go run ./simulator --key demo-key --log /tmp/sim.jsonl --delay 20ms --hold stdin
//	go run ./simulator --key demo-key --report-token-seed demo
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
// # Read reports
//
//	curl localhost:8080/_sim/reports           # their URLs
//	curl 'localhost:8080/reports/<token>/account_engagement?page=2&per_page=50'
//	curl -X POST localhost:8080/_sim/reports/rotate  # or -d '{"reports":["account_engagement"]}'
//
// A report's URL is its secret. It is answered whatever the key, since nobody says that the key is needed. A rotation
// kills the old URLs at once. Tokens are random, and new at each start; with --report-token-seed they follow from that
// text, the report's name and how often it was rotated since the start, so they can be known beforehand.
//
// Columns and forms are documented nowhere, so each report has its own:
//
//	abm_campaign_summary   JSON array   Campaign Name, Status, Budget, Spend, Impressions, Clicks, Accounts Reached,
//	                                    Start Date, End Date
//	abm_roi_analytics      JSON, in results.data   Date, Campaign Name, Spend "$1,234.50", Pipeline "$1,234.50", ROI "12.5%"
//	account_engagement     JSON array   Account Domain (in many spellings), Account Name, Campaign Name, Impressions,
//	                                    Clicks, Engagement Score, Last Engaged "2026-11-20T09:30:00Z" or null
//	asset_analytics        NDJSON       asset, type, impressions, clicks, ctr "0.45%"
//	campaign_pacing        JSON, in rows   campaign, budget, spent, days_total, days_elapsed, date
//	contact_engagement     CSV (CRLF)   First Name, Last Name, Company, Email, LinkedIn URL, Impressions, Clicks,
//	                                    Last Engaged "11/20/2026"; cells may be empty
//	daily_abm_activities   NDJSON, as text/plain   timestamp, activity, account, campaign
//	daily_propensity_display_network_spend   CSV (LF)   Date, Channel, Impressions "12,345", Spend "$1,234.50"
//	website_analytics      JSON array   domain, visits, pages {"top":"/pricing"}, identified, last_visit "2026-11-20"
//
// Rows follow from the seed and the day (in UTC), whatever the hour. Times end at its midnight, so none is in the future;
// only the End Date of a campaign may be. The parameters page (from 1) and per_page (100), or offset and limit, cut the
// rows; behind their end is an empty report. Other parameters are logged and mean nothing. All reports, or the one that
// is named, can be changed; what is absent stays, and the answer is how things are now:
//
//	curl localhost:8080/_sim/reports -d '{"report":"account_engagement","rows":1000000,"seed":7,"delayMs":20}'
//	curl localhost:8080/_sim/reports -d '{"domains":["a.example"],"people":[{"firstName":"Ada","lastName":"Lovelace",
//	  "company":"Analytical Engines","email":"ada@example.com","linkedinUrl":"https://www.linkedin.com/in/example"}]}'
//	curl localhost:8080/_sim/reports -d '{"report":"asset_analytics","body":"<html>","status":200,"contentType":"text/html"}'
//	curl localhost:8080/_sim/reports -d '{"goneStatus":403}'  # what a dead URL answers: 401, 403 or 404
//
// Rows go out as they are made, so any number of them takes no memory. With rows 0 a report is empty, in its own form.
// A body replaces the rows until rows are set again. Domains are taken as they are, in turn, by account_engagement,
// daily_abm_activities and website_analytics, people by contact_engagement; an empty list brings back the built-in ones.
//
// # Order faults
//
// A fault applies to POSTs on the two endpoints or to GETs of reports, in the order the faults were given; a fault sees
// only the requests that no earlier fault took. It is picked when the headers arrive, before the key is looked at, as a
// proxy in between would. Only a valid request with an accepted key is ever stored.
//
//	curl localhost:8080/_sim/faults -d '{"fault":"storeThenStatus","status":503,"times":1}'
//	curl localhost:8080/_sim/faults -d '[{"endpoint":"contacts","fault":"closeAfterStoring","after":2,"times":1},
//	  {"fault":"rateLimited","retryAfter":5,"times":3}]'
//	curl localhost:8080/_sim/faults            # what is active
//	curl -X DELETE localhost:8080/_sim/faults  # none any more (or ?id=3 for one of them)
//
// Every fault takes endpoint (contacts, accounts, reports, the name of one report, or any, which is both creates and the
// default), times (0: until removed), after (let so many pass first) and delayMs (wait before answering; for slow and
// endless the pause between two writes).
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
// For reports there is no store, so no storeThenStatus and no closeAfterStoring either. A slow report comes by bytes
// too, an oversized one has more rows until it is large enough, a truncated one is whole but for the length, an endless
// one has rows for ever, and an echo repeats the URL. A hold that is released with 2xx answers the report.
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
//	curl -X POST localhost:8080/_sim/reset     # no faults, no limit, first delay, first reports; log and URLs stay
//
// The limit counts creates and reports. State counts the requests for each report, and those of them whose URL was dead.
//
// # The log
//
// Lines of three types share one numbering. A request line is written when its body has been read (or could not be), an
// audience line when it is stored, an answer line right before the answer goes out; each with one write. So whatever is
// killed, the file says what had happened. A key is only ever written as a short hash, and a report's token not at all:
// paths and queries have "-" in its place. A request for a report has the endpoint "reports", the report's name, its
// query as it came, and gone if the URL was not the report's. Header names are listed in lower case, as HTTP compares
// them. Requests that net/http itself refuses as malformed never reach the log.
package main
