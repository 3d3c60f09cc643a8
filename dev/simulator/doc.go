// The simulator implements the Propensity API as a real HTTP server with fault injection. It implements the two
// documented endpoints (POST /create_contact_audience and POST /create_account_audience) and serves reports. It records
// every request and every audience. At run time it can be configured to lose responses, send garbage, drop connections
// or refuse requests. Where the real API is not documented, the simulator is strict, so that a client that works with
// it makes no assumptions.
//
// # Start it
//
//	go run ./simulator --listen 127.0.0.1:8080 --key demo-key
//	go run ./simulator --key demo-key --log /tmp/sim.jsonl --delay 20ms --hold stdin
//	go run ./simulator --key demo-key --report-token-seed demo
//
// It prints one line of JSON with its address to stdout; everything else goes to stderr. Open that URL in a browser to
// watch. With --hold stdin it ends when its stdin is closed, so that it never outlives the test that started it. With
// --log it continues from the content of the file, so it can be killed and restarted like a real service.
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
// A report's URL is its secret. Requests are answered with any key, because it is not documented whether the key is
// needed. After a rotation, the old URLs fail at once. Tokens are random, and new at each start. With
// --report-token-seed they are derived from that text, the report's name and the number of its rotations since the
// start, so they are known in advance.
//
// Columns and formats are not documented, so each report has its own:
//
//	abm_campaign_summary   JSON array   Campaign Name, Status, Budget, Spend, Impressions, Clicks, Accounts Reached,
//	                                    Start Date, End Date
//	abm_roi_analytics      JSON, in results.data   Date, Campaign Name, Spend "$1,234.50", Pipeline "$1,234.50", ROI "12.5%"
//	account_engagement     JSON array   Account Domain (in several spellings), Account Name, Campaign Name, Impressions,
//	                                    Clicks, Engagement Score, Last Engaged "2026-11-20T09:30:00Z" or null
//	asset_analytics        NDJSON       asset, type, impressions, clicks, ctr "0.45%"
//	campaign_pacing        JSON, in rows   campaign, budget, spent, days_total, days_elapsed, date
//	contact_engagement     CSV (CRLF)   First Name, Last Name, Company, Email, LinkedIn URL, Impressions, Clicks,
//	                                    Last Engaged "11/20/2026"; cells may be empty
//	daily_abm_activities   NDJSON, as text/plain   timestamp, activity, account, campaign
//	daily_propensity_display_network_spend   CSV (LF)   Date, Channel, Impressions "12,345", Spend "$1,234.50"
//	website_analytics      JSON array   domain, visits, pages {"top":"/pricing"}, identified, last_visit "2026-11-20"
//
// Rows are determined by the seed and the day (in UTC); the hour doesn't matter. Times are at or before the midnight
// that starts the day, so none is in the future, except the End Date of a campaign. The parameters page (from 1) and
// per_page (100), or offset and limit, select rows; after the last row, the report is empty. Other parameters are
// logged and have no effect. The settings of all reports, or of the one that is named, can be changed. Fields that are
// absent stay unchanged, and the response contains the current settings:
//
//	curl localhost:8080/_sim/reports -d '{"report":"account_engagement","rows":1000000,"seed":7,"delayMs":20}'
//	curl localhost:8080/_sim/reports -d '{"domains":["a.example"],"people":[{"firstName":"Ada","lastName":"Lovelace",
//	  "company":"Analytical Engines","email":"ada@example.com","linkedinUrl":"https://www.linkedin.com/in/example"}]}'
//	curl localhost:8080/_sim/reports -d '{"report":"asset_analytics","body":"<html>","status":200,"contentType":"text/html"}'
//	curl localhost:8080/_sim/reports -d '{"goneStatus":403}'  # the status for an old URL: 401, 403 or 404
//
// Rows are sent as they are generated, so their number doesn't affect memory use. With rows 0, a report is empty, in
// its own format. A body replaces the rows until rows are set again. Domains are used unchanged and in turn by
// account_engagement, daily_abm_activities and website_analytics, people by contact_engagement. An empty list restores
// the built-in ones.
//
// # Inject faults
//
// A fault applies to POSTs on the two endpoints or to GETs of reports. Faults are checked in the order in which they
// were added; a fault only sees requests that no earlier fault took. A fault is selected when the headers arrive,
// before the key is checked, like a fault in a proxy in front of the API. Only a valid request with an accepted key is
// ever stored.
//
//	curl localhost:8080/_sim/faults -d '{"fault":"storeThenStatus","status":503,"times":1}'
//	curl localhost:8080/_sim/faults -d '[{"endpoint":"contacts","fault":"closeAfterStoring","after":2,"times":1},
//	  {"fault":"rateLimited","retryAfter":5,"times":3}]'
//	curl localhost:8080/_sim/faults            # list active faults
//	curl -X DELETE localhost:8080/_sim/faults  # remove all (or ?id=3 for one of them)
//
// Every fault takes endpoint (contacts, accounts, reports, the name of one report, or any, which means both creates and
// is the default), times (0: until removed), after (let this many requests pass first) and delayMs (wait before
// answering; for slow and endless, the pause between two writes).
//
//	fault               also takes                            what it does
//	delay               store                                 answers normally, after delayMs
//	slow                store                                 answers normally, one byte per delayMs (50)
//	oversized           store sizeBytes status                a valid answer of sizeBytes (8 MiB)
//	echo                store status                          an answer whose message repeats the key and the body
//	hold                store status                          answers after POST /_sim/release
//	status              store status* body headers            any status; nothing is stored
//	storeThenStatus     status* body headers                  stores, then any status
//	errorTrue           store message                         200 with error:true
//	garbage             store status body                     200 that is not JSON
//	empty               store status                          200 without a body
//	truncated           store status                          a Content-Length larger than what is sent, then a close
//	endless             store status                          a body that never ends
//	rateLimited         store status retryAfter message       429, with Retry-After in seconds or as a date
//	redirect            store status location                 307 by default
//	closeBeforeReading                                        resets the connection without reading the body
//	closeAfterStoring   reset                                 stores, then closes without an answer (reset: by RST)
//
// (* means required.) The answers of the first four are true: they store a valid request, unless store is false or
// their status isn't 2xx. With store true, hold stores before it waits. Without store, it stores on release, if it then
// answers 2xx and the client is still connected. With store false, it never stores. The other faults store only with
// store true.
//
// Reports store nothing, so they have no store field, no storeThenStatus and no closeAfterStoring. A slow report is
// also sent byte by byte. An oversized report has more rows until it is large enough. A truncated report is complete
// except for its length. An endless report never stops sending rows. An echo repeats the URL. A hold that is released
// with 2xx answers with the report.
//
// # Inspect and control
//
//	curl localhost:8080/_sim/state             # counts, duplicates, faults, limit
//	curl localhost:8080/_sim/audiences         # all stored audiences, with members
//	curl localhost:8080/_sim/requests          # all requests with their answers (?members=true: with members)
//	curl 'localhost:8080/_sim/log?since=12'    # all lines after number 12, in order (&waitMs=5000: wait for one)
//	curl 'localhost:8080/_sim/held?atLeast=1&waitMs=5000'
//	curl -X POST localhost:8080/_sim/release   # or -d '{"status":503}'
//	curl localhost:8080/_sim/keys -d '{"keys":["new-key"]}'
//	curl localhost:8080/_sim/limit -d '{"requestsPerMinute":60,"burst":5,"retryAfter":true}'
//	curl localhost:8080/_sim/delay -d '{"delayMs":20}'
//	curl -X POST localhost:8080/_sim/reset     # removes faults and limit, restores delay and reports; keeps log and URLs
//
// The limit counts creates and reports. The state counts the requests for each report, and how many of them had an old
// or wrong URL.
//
// # The log
//
// The log has lines of three types with one common numbering. A request line is written when the body has been read (or
// could not be read), an audience line when the audience is stored, an answer line right before the answer is sent.
// Each line is one write. So if a process is killed, the file shows what happened before. A key is only written as a
// short hash. The token of a report is never written: paths and queries contain "-" in its place. A request for a
// report has the endpoint "reports", the report's name, its query as received, and gone if the URL was not the report's
// current URL. Header names are listed in lower case, because HTTP ignores their case. Requests that net/http itself
// rejects as malformed are not logged.
package main
