package main

import "strings"

// reportShape is the format of a report. It is not documented, so each report has a different one: a client that can
// read all of them makes no assumptions about names or formats.
type reportShape struct {
	contentType string
	form        rowForm
	columns     []string
	rows        int64 // by default
	hasDomains  bool
	hasPeople   bool
	row         func(*row) []any // a value for each column
}

// rowForm is the text around rows.
type rowForm struct {
	open    string
	between string
	after   string
	close   string
	csv     bool // or else JSON objects
}

var (
	jsonArray = rowForm{open: "[", between: ",\n", close: "]\n"}
	jsonLines = rowForm{after: "\n"}
)

func wrapped(open, close string) rowForm {
	return rowForm{open: open, between: ",", close: close}
}

// csvForm requires columns whose names need no quotes.
func csvForm(columns []string, lineEnd string) rowForm {
	return rowForm{open: strings.Join(columns, ",") + lineEnd, after: lineEnd, csv: true}
}

const (
	roiCampaigns = 6
	roiDays      = 30
	isoDate      = "2006-01-02"
	usDate       = "01/02/2006"
	isoTime      = "2006-01-02T15:04:05Z"
)

var (
	contactColumns = []string{
		"First Name", "Last Name", "Company", "Email", "LinkedIn URL", "Impressions", "Clicks", "Last Engaged",
	}
	spendColumns = []string{"Date", "Channel", "Impressions", "Spend"}
)

var reportShapes = map[string]*reportShape{
	"abm_campaign_summary": {
		contentType: "application/json",
		form:        jsonArray,
		columns: []string{
			"Campaign Name", "Status", "Budget", "Spend", "Impressions", "Clicks", "Accounts Reached", "Start Date", "End Date",
		},
		rows: int64(len(campaignNames)),
		row: func(r *row) []any {
			c := r.campaign(r.index)
			impressions := 1 + c.spent/r.between(1, 4)
			return []any{
				r.campaignName(r.index), c.status(), c.budget, hundredths(c.spent), impressions, impressions * r.upTo(90) / 10_000,
				r.between(1, 400), r.day(c.age, isoDate), r.day(c.age-c.days, isoDate),
			}
		},
	},
	"abm_roi_analytics": {
		contentType: "application/json; charset=utf-8",
		form:        wrapped(`{"meta":{"currency":"USD","granularity":"day"},"results":{"data":[`, "]}}\n"),
		columns:     []string{"Date", "Campaign Name", "Spend", "Pipeline", "ROI"},
		rows:        roiCampaigns * roiDays,
		row: func(r *row) []any {
			// The oldest day first.
			ago := roiDays - 1 - int(r.index/roiCampaigns%roiDays)
			return []any{
				r.day(ago, isoDate), r.campaignName(r.index % roiCampaigns), dollars(r.between(10_000, 400_000)),
				dollars(r.upTo(5_000_000)), decimal(r.between(-200, 900), 1) + "%",
			}
		},
	},
	"account_engagement": {
		contentType: "application/json",
		form:        jsonArray,
		columns: []string{
			"Account Domain", "Account Name", "Campaign Name", "Impressions", "Clicks", "Engagement Score", "Last Engaged",
		},
		rows:       2 * int64(len(builtInAccounts)),
		hasDomains: true,
		row: func(r *row) []any {
			a := r.account()
			domain := a.domain
			if a.builtIn {
				domain = r.spelling(domain)
			}
			var engaged any
			if ago := r.minutesAgo(30); r.index == 0 || r.upTo(6) > 0 {
				engaged = r.moment(ago)
			}
			return []any{
				domain, a.name, r.campaignName(int64(r.upTo(len(campaignNames)))), r.upTo(20_000), r.upTo(90), r.upTo(101), engaged,
			}
		},
	},
	"asset_analytics": {
		contentType: "application/x-ndjson",
		form:        jsonLines,
		columns:     []string{"asset", "type", "impressions", "clicks", "ctr"},
		rows:        40,
		row: func(r *row) []any {
			kind := pick(r, "image", "html5", "video", "text")
			impressions := r.between(500, 60_000)
			clicks := impressions * r.upTo(120) / 10_000
			return []any{numbered(kind+"-", r.index+1), kind, impressions, clicks, decimal(clicks*10_000/impressions, 2) + "%"}
		},
	},
	"campaign_pacing": {
		contentType: "application/json",
		form:        wrapped(`{"rows":[`, "]}\n"),
		columns:     []string{"campaign", "budget", "spent", "days_total", "days_elapsed", "date"},
		rows:        int64(len(campaignNames)),
		row: func(r *row) []any {
			// Today's pacing of each campaign; then, for more rows, yesterday's.
			number, ago := r.index%int64(len(campaignNames)), int(r.index/int64(len(campaignNames))%365)
			c := r.campaign(number)
			elapsed := max(0, min(c.age-ago, c.days))
			return []any{
				r.campaignName(number), c.budget, hundredths(c.spent * elapsed / c.elapsed()), c.days, elapsed, r.day(ago, isoDate),
			}
		},
	},
	"contact_engagement": {
		contentType: "text/csv; charset=utf-8",
		form:        csvForm(contactColumns, "\r\n"),
		columns:     contactColumns,
		rows:        int64(len(builtInPeople)),
		hasPeople:   true,
		row: func(r *row) []any {
			p := r.person()
			var engaged any
			if ago := r.upTo(30); r.index == 0 {
				engaged = r.day(0, usDate)
			} else if r.upTo(5) > 0 {
				engaged = r.day(ago, usDate)
			}
			return []any{p.FirstName, p.LastName, p.Company, p.Email, p.LinkedInURL, r.upTo(500), r.upTo(12), engaged}
		},
	},
	"daily_abm_activities": {
		contentType: "text/plain; charset=utf-8", // some servers send only this
		form:        jsonLines,
		columns:     []string{"timestamp", "activity", "account", "campaign"},
		rows:        240,
		hasDomains:  true,
		row: func(r *row) []any {
			return []any{
				r.moment(r.minutesAgo(1)), pick(r, "impression", "impression", "impression", "click", "visit", "form_fill"),
				r.account().domain, r.campaignName(int64(r.upTo(len(campaignNames)))),
			}
		},
	},
	"daily_propensity_display_network_spend": {
		contentType: "text/csv",
		form:        csvForm(spendColumns, "\n"),
		columns:     spendColumns,
		rows:        4 * 30,
		row: func(r *row) []any {
			// The newest day first.
			channel := []string{"display", "video", "native", "ctv"}[r.index%4]
			return []any{
				r.day(int(r.index/4%730), isoDate), channel, thousands(r.between(200, 90_000)), dollars(r.between(5_000, 400_000)),
			}
		},
	},
	"website_analytics": {
		contentType: "application/json",
		form:        jsonArray,
		columns:     []string{"domain", "visits", "pages", "identified", "last_visit"},
		rows:        int64(len(builtInAccounts)),
		hasDomains:  true,
		row: func(r *row) []any {
			page := pick(r, "/", "/pricing", "/product", "/customers", "/blog/launch")
			ago := r.minutesAgo(30) / (24 * 60)
			return []any{r.account().domain, r.between(1, 300), object{"top", page}, r.upTo(4) > 0, r.day(ago, isoDate)}
		},
	},
}

// account is the company that a row is about.
type account struct {
	domain  string
	name    string
	builtIn bool
}

// The examples' accounts come first.
var builtInAccounts = []account{
	{domain: "example.com", name: "Analytical Engines"},
	{domain: "example.org", name: "Difference Works"},
	{domain: "research.example.com", name: "Example Company"},
	{domain: "labs.example.org", name: "Example Organisation"},
	{domain: "studio.example.net", name: "Example Network"},
	{domain: "blue-heron.example", name: "Blue Heron Freight"},
	{domain: "copper-kettle.example", name: "Copper Kettle Foods"},
	{domain: "fernway.example", name: "Fernway"},
	{domain: "harbour-lights.example", name: "Harbour Lights"},
	{domain: "lanternfish.example", name: "Lanternfish Robotics"},
	{domain: "orchard.example.net", name: "Orchard & Daughters"},
	{domain: "papermill.example.org", name: "The Papermill"},
	{domain: "quartz.example.net", name: "Quartz Metering"},
	{domain: "ridgeline.example.com", name: "Ridgeline Surveys"},
	{domain: "saltmarsh.example", name: "Saltmarsh Energy"},
	{domain: "tallgrass.example", name: "Tallgrass Seeds"},
	{domain: "umbra.example.com", name: "Umbra Optics"},
	{domain: "velvet-ant.example", name: "Velvet Ant Studio"},
	{domain: "wicker.example.org", name: "Wicker, Reed and Sons"},
	{domain: "zephyr-lane.example", name: "Zephyr Lane"},
}

// The examples' people come first.
var builtInPeople = []Person{
	{FirstName: "Ada", LastName: "Lovelace", Company: "Analytical Engines"},
	{FirstName: "Charles", LastName: "Babbage", Email: "charles@example.com"},
	{FirstName: "Robin", LastName: "Example", LinkedInURL: "https://www.linkedin.com/in/example"},
	{FirstName: "Mira", LastName: "Castellan", Company: "Blue Heron Freight", Email: "mira@blue-heron.example"},
	{FirstName: "Teodor", LastName: "Vinterberg", Company: "Fernway", LinkedInURL: "https://www.linkedin.com/in/example-vinterberg"},
	{FirstName: "Ines", LastName: "Okonjo-Vale", Company: "Wicker, Reed and Sons", Email: "ines@wicker.example.org"},
	{FirstName: "Søren", LastName: "Quill", Company: "Quartz Metering", Email: "soren@quartz.example.net"},
	{FirstName: "Noor", LastName: "Abernathy-Lin", Company: "Harbour Lights", LinkedInURL: "https://www.linkedin.com/in/example-noor/"},
	{FirstName: "Pia", LastName: "Marchetti-Holm", Company: "Lanternfish Robotics", Email: "Pia.MH@lanternfish.example"},
	{FirstName: "Juno", LastName: "Ashgrove", Company: "Saltmarsh Energy"},
	{LastName: "Tamsin", Company: "Zephyr Lane", Email: "office@zephyr-lane.example"},
	{FirstName: "Kofi", LastName: "Lindqvist", Company: "Umbra Optics", Email: "kofi@umbra.example.com", LinkedInURL: "http://linkedin.com/in/example-kofi"},
}

var campaignNames = []string{
	"Q4 Security Leaders", "Target Accounts", "Spring Launch", "Data Platform Evaluators", "Renewals North", "Renewals South",
	"Field Day Follow-up", "Open Pipeline", "Finance Decision Makers", "Webinar Guests", "New Logos", "Win Back",
}
