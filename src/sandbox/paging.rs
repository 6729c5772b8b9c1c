//! Pages and their opaque tokens. A token names the last key that was shown, so that a list that changes
//! between two pages neither repeats nor skips what stayed. Not here: what is listed, and in which order.

use super::call::Call;
use super::error::Refusal;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

/// How a list may be asked for.
#[derive(Clone, Copy, Debug)]
pub struct PageRule {
    /// Size without `maxResults`.
    pub default: usize,
    /// Largest size.
    pub largest: usize,
    /// More than the largest: refused (the Directory API), or cut down to it (licensing).
    pub refuse_larger: bool,
    /// Begin with a page that is empty but has a token, as Google's role lists may.
    pub empty_first: bool,
}

/// One page and how to get the next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// What is on it.
    pub items: Vec<T>,
    /// The token of the next page.
    pub next: Option<String>,
}

/// Cuts the page that the call asks for out of `items`, which are sorted by their keys.
pub fn page<T>(call: &Call, rule: PageRule, items: Vec<(String, T)>) -> Result<Page<T>, Refusal> {
    page_of(call, "maxResults", rule, items)
}

/// The same where the size is asked for by another name.
pub fn page_of<T>(
    call: &Call,
    size_name: &str,
    rule: PageRule,
    items: Vec<(String, T)>,
) -> Result<Page<T>, Refusal> {
    let size = size(call, size_name, rule)?;
    let after = call.parameter("pageToken").map(|token| decode(&token)).transpose()?;
    if after.is_none() && rule.empty_first {
        return Ok(Page { items: Vec::new(), next: Some(encode("")) });
    }
    let mut rest = items.into_iter().skip_while(|(key, _)| after.as_ref().is_some_and(|last| key <= last));
    let (keys, items): (Vec<String>, Vec<T>) = rest.by_ref().take(size).unzip();
    let more = rest.next().is_some();
    let next = if more { keys.last().map(|key| encode(key)) } else { None };
    Ok(Page { items, next })
}

fn size(call: &Call, name: &str, rule: PageRule) -> Result<usize, Refusal> {
    let Some(text) = call.parameter(name) else { return Ok(rule.default) };
    match text.parse::<usize>() {
        Ok(size) if size >= 1 && (size <= rule.largest || !rule.refuse_larger) => Ok(size.min(rule.largest)),
        Ok(_) | Err(_) => Err(Refusal::invalid(format!("Invalid Input: {name}"))),
    }
}

fn encode(key: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(format!("after:{key}"))
}

fn decode(token: &str) -> Result<String, Refusal> {
    BASE64_URL_SAFE_NO_PAD
        .decode(token)
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .and_then(|text| text.strip_prefix("after:").map(str::to_owned))
        .ok_or_else(|| Refusal::invalid("Invalid Input: pageToken"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn walk(rule: PageRule, count: usize, size: usize) -> Vec<Vec<usize>> {
        let mut pages = Vec::new();
        let mut token = String::new();
        loop {
            let call = Call { query: format!("maxResults={size}&pageToken={token}"), ..Call::default() };
            let items = (0..count).map(|n| (format!("{n:04}"), n)).collect();
            let page = page(&call, rule, items).unwrap();
            pages.push(page.items);
            match page.next {
                Some(next) => token = next,
                None => return pages,
            }
        }
    }

    const RULE: PageRule = PageRule { default: 100, largest: 200, refuse_larger: true, empty_first: false };

    #[test]
    fn a_walk_shows_everything_once() {
        assert_eq!(walk(RULE, 5, 2), vec![vec![0, 1], vec![2, 3], vec![4]]);
        assert_eq!(walk(RULE, 4, 2), vec![vec![0, 1], vec![2, 3]]);
        assert_eq!(walk(RULE, 0, 2), vec![Vec::<usize>::new()]);
    }

    #[test]
    fn an_empty_first_page_still_has_a_token() {
        let rule = PageRule { empty_first: true, ..RULE };
        assert_eq!(walk(rule, 3, 2), vec![vec![], vec![0, 1], vec![2]]);
    }

    #[test]
    fn sizes_out_of_range_are_refused_or_cut() {
        let call = Call { query: "maxResults=201".into(), ..Call::default() };
        let items = || (0..300).map(|n| (format!("{n:04}"), n)).collect::<Vec<_>>();
        assert!(page(&call, RULE, items()).is_err());
        let cut = PageRule { refuse_larger: false, ..RULE };
        assert_eq!(page(&call, cut, items()).unwrap().items.len(), 200);
        let broken = Call { query: "pageToken=%21".into(), ..Call::default() };
        assert!(page(&broken, RULE, items()).is_err());
    }
}
