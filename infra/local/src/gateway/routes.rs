//! Which route a request takes.

use std::collections::BTreeMap;

use anyhow::ensure;

use crate::template::Route;

/// The routes of an API.
#[derive(Debug)]
pub(super) struct Routes(Vec<Route>);

/// A route that a request takes.
#[derive(Debug)]
pub(super) struct Match<'a> {
    pub(super) route: &'a Route,
    /// Decoded.
    pub(super) path_parameters: BTreeMap<String, String>,
}

impl Routes {
    pub(super) fn new(routes: &[Route]) -> anyhow::Result<Self> {
        for (n, route) in routes.iter().enumerate() {
            let twice = routes[..n].iter().any(|other| other.key() == route.key());
            ensure!(!twice, "template.yaml has the route {} twice", route.key());
        }
        Ok(Self(routes.to_vec()))
    }

    /// The most specific route: of two, the one whose path says more, then the one whose method does.
    pub(super) fn find(&self, method: &str, path: &str) -> Option<Match<'_>> {
        let fitting = self
            .0
            .iter()
            .filter(|route| route.method == "ANY" || route.method == method);
        let matches = fitting.filter_map(|route| {
            let path_parameters = path_parameters(&route.path, path)?;
            Some(Match {
                route,
                path_parameters,
            })
        });
        matches.min_by_key(|found| (vagueness(&found.route.path), found.route.method == "ANY"))
    }
}

/// A static segment says more than a parameter, and that more than a greedy one.
fn vagueness(path: &str) -> Vec<u8> {
    let segments = path.split('/').map(|segment| match parameter(segment) {
        None => 0,
        Some((_, greedy)) => 1 + u8::from(greedy),
    });
    segments.collect()
}

fn path_parameters(template: &str, path: &str) -> Option<BTreeMap<String, String>> {
    let mut parameters = BTreeMap::new();
    let mut rest = path;
    for segment in template.split('/').skip(1) {
        rest = rest.strip_prefix('/')?;
        let (first, others) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        match parameter(segment) {
            Some((name, greedy)) if !first.is_empty() => {
                let value = if greedy { std::mem::take(&mut rest) } else { first };
                parameters.insert(name.to_owned(), decoded(value));
                if greedy {
                    continue;
                }
            }
            None if segment == first => {}
            _ => return None,
        }
        rest = others;
    }
    rest.is_empty().then_some(parameters)
}

/// `{id}`, or greedy `{proxy+}`.
fn parameter(segment: &str) -> Option<(&str, bool)> {
    let name = segment.strip_prefix('{')?.strip_suffix('}')?;
    Some(name.strip_suffix('+').map_or((name, false), |name| (name, true)))
}

fn decoded(segment: &str) -> String {
    let mut bytes = Vec::with_capacity(segment.len());
    let mut rest = segment.as_bytes();
    while let [first, after @ ..] = rest {
        let hex = after
            .get(..2)
            .filter(|hex| *first == b'%' && hex.iter().all(u8::is_ascii_hexdigit));
        let hex = hex.and_then(|hex| std::str::from_utf8(hex).ok());
        if let Some(byte) = hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            bytes.push(byte);
            rest = &after[2..];
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn routes(keys: &[&str]) -> Routes {
        let route = |key: &&str| {
            let (method, path) = key.split_once(' ').unwrap();
            Route {
                method: method.to_owned(),
                path: path.to_owned(),
                function: String::new(),
            }
        };
        Routes::new(&keys.iter().map(route).collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn the_most_specific_route_is_taken() {
        let routes = routes(&[
            "ANY /{proxy+}",
            "GET /a/{id}",
            "ANY /a/{id}",
            "GET /a/b",
            "POST /a/{proxy+}",
            "GET /",
        ]);
        let taken = |method, path| routes.find(method, path).map(|found| found.route.key());
        assert_eq!(taken("GET", "/a/b").as_deref(), Some("GET /a/b"));
        assert_eq!(taken("GET", "/a/c").as_deref(), Some("GET /a/{id}"));
        assert_eq!(taken("PUT", "/a/b").as_deref(), Some("ANY /a/{id}"));
        assert_eq!(taken("POST", "/a/b/c").as_deref(), Some("POST /a/{proxy+}"));
        assert_eq!(taken("GET", "/a/b/c").as_deref(), Some("ANY /{proxy+}"));
        assert_eq!(taken("GET", "/").as_deref(), Some("GET /"));
        assert_eq!(taken("POST", "/"), None, "a parameter is never empty");
    }

    #[test]
    fn parameters_are_decoded() {
        let routes = routes(&["GET /a/{id}/b", "GET /p/{proxy+}"]);
        let parameter = |path, name| routes.find("GET", path).unwrap().path_parameters[name].clone();
        assert_eq!(parameter("/a/x%2Fy%20z/b", "id"), "x/y z");
        assert_eq!(parameter("/a/100%/b", "id"), "100%");
        assert_eq!(parameter("/a/%+f%zz/b", "id"), "%+f%zz");
        assert_eq!(parameter("/a/%C3%A9/b", "id"), "é");
        assert_eq!(parameter("/p/x/y%20z/", "proxy"), "x/y z/");
    }

    #[test]
    fn other_paths_take_none() {
        let routes = routes(&["POST /a/b"]);
        for (method, path) in [
            ("GET", "/a/b"),
            ("POST", "/a/b/"),
            ("POST", "/a"),
            ("POST", "/a/b/c"),
            ("POST", "//a/b"),
        ] {
            assert!(routes.find(method, path).is_none(), "{method} {path}");
        }
    }
}
