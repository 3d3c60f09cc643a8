module propensity-operator/dev

go 1.26
