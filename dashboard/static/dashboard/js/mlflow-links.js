// MLflow's client prints addresses of its own page, "/#/experiments/1/runs/ID": they lead to ours.
const found = /^#\/experiments\/\d+\/runs\/([\w-]+)/.exec(location.hash);
if (found) location.replace(`/runs/${found[1]}/`);
